"""A result as files, each built only when somebody asks for it."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lmc_core import runs
from lmc_core.runs.library import models as library
from lmc_core.runs.share import bundle
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.result import PathResult
from pages._jobs import visitor
from pages._show.report import report, table
from pages._show.shown import Shown

ALIGNED = ("aligned.safetensors", "aligned.pt2")  # as the worker keeps it


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
    kept = [name for name in ALIGNED if name in runs.artifacts(run)]
    return (
        Download("Curves, CSV", "table", f"{run}.csv", "text/csv", lambda: as_csv(result)),
        Download("Everything, NPZ", "data_array", f"{run}.npz", binary, lambda: as_npz(result)),
        Download("Report, HTML", "description", f"{run}.html", "text/html", lambda: report(shown)),
        Download("Request, JSON", "data_object", f"{run}.json", "application/json", lambda: as_json(run)),
        *(_aligned(run, name) for name in kept),
        *bundles(run, result.models),
    )


def _aligned(run: str, name: str) -> Download:
    kind = name.partition(".")[2]
    make = partial(runs.artifact, run, name)
    return Download(f"Aligned B, {kind}", "download", f"{run}-B.{kind}", "application/octet-stream", make)


def bundles(run: str, models: Sequence[ModelCard]) -> tuple[Download, ...]:
    """The run for another server; with its networks only for who may see all of them anyway."""
    seen = {card.id: card.fingerprint for card in library.models(visitor.name())}
    allowed = all(seen.get(card.id) == card.fingerprint for card in models)
    zipped = "application/zip"
    small = Download("Bundle, ZIP", "folder_zip", f"{run}.zip", zipped, partial(bundle.export, run))
    make = partial(bundle.export, run, networks=True)
    whole = Download("Bundle with networks, ZIP", "folder_zip", f"{run}-networks.zip", zipped, make)
    return (small, whole) if allowed else (small,)


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


def as_json(run_id: str) -> bytes:
    return json.dumps(json.loads(runs.request(run_id).json), indent=1).encode()
