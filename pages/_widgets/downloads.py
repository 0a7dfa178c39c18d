"""A result as files, each built only when somebody asks for it."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmc_core import runs
from lmc_core.figures.explore import explore_figure
from lmc_core.figures.html import figure_html
from lmc_core.figures.words import plain
from lmc_core.runs.result import PathResult
from pages._widgets.shown import Shown

ALIGNED = "aligned.safetensors"  # as the worker keeps it


@dataclass(frozen=True)
class Download:
    label: str
    icon: str
    name: str
    mime: str
    make: Callable[[], bytes]


def downloads(shown: Shown) -> tuple[Download, ...]:
    """Every file a result can be saved as."""
    run, result, binary = shown.run_id, shown.result, "application/octet-stream"
    kept = runs.artifact
    report = (Download("Report, HTML", "description", f"{run}.html", "text/html", lambda: as_html(shown)),)
    return (
        Download("Curves, CSV", "table", f"{run}.csv", "text/csv", lambda: as_csv(result)),
        Download("Everything, NPZ", "data_array", f"{run}.npz", binary, lambda: as_npz(result)),
        *(report if shown.cloud is not None else ()),
        Download("Request, JSON", "data_object", f"{run}.json", "application/json", lambda: as_json(run)),
        Download("Aligned B, safetensors", "download", f"{run}-B.safetensors", binary, lambda: kept(run, ALIGNED)),
    )


def table(result: PathResult) -> dict[str, list[float]]:
    """Loss (nats) and accuracy (percent) of both paths at every t, as columns."""
    columns: dict[str, list[float]] = {"t": result.naive.t.tolist()}
    for name, profile in (("naive", result.naive), ("aligned", result.aligned)):
        for split in profile.values:
            columns[f"{name} {split} loss"] = profile.values[split]["loss"].tolist()
            columns[f"{name} {split} acc."] = (100 * profile.values[split]["accuracy"]).tolist()
    return columns


def as_csv(result: PathResult) -> bytes:
    columns = table(result)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def as_npz(result: PathResult) -> bytes:
    """Curves as naive.test.loss …, permutations as coupling.fc1, clouds as fc1.pca-data.a …"""
    arrays = {"t": result.naive.t}
    for name, profile in (("naive", result.naive), ("aligned", result.aligned)):
        for split, metrics in profile.values.items():
            arrays |= {f"{name}.{split}.{metric}": values for metric, values in metrics.items()}
    for group, coupling in result.alignment.couplings.items():
        arrays[f"coupling.{group}"] = np.asarray(coupling.plan if coupling.perm is None else coupling.perm)
    for (group, projection), cloud in result.clouds.items():
        arrays |= {f"{group}.{projection}.{name}": array for name, array in cloud.to_arrays().items()}
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, **arrays)
    return target.getvalue()


def as_html(shown: Shown) -> bytes:
    """One page that needs no server: the finding, the figure with its slider, the caption."""
    assert shown.cloud is not None
    result = shown.result
    figure = explore_figure(result.naive, result.aligned, shown.cloud, method_title=shown.title, standalone=True)
    return figure_html(figure, title=shown.found.text, caption=plain(shown.caption), alt=shown.alt).encode()


def as_json(run_id: str) -> bytes:
    return json.dumps(json.loads(runs.request(run_id).json), indent=1).encode()
