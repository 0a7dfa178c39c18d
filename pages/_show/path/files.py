"""A path as tables, arrays and the figures of its report."""

import io
from functools import partial
from typing import Any

import numpy as np

from lmc_core import runs
from lmc_core.diagnostics.cloud import Cloud
from lmc_core.figures.inspect import groups_figure
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.path import PathResult
from lmc_core.words.inspect import groups_alt
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import Text
from lmc_core.words.matching import MATCHING_CAPTION, matching_alt
from lmc_core.words.numbers import count
from lmc_core.words.path import path_alt
from pages._show.view import Columns, File, Table

ALIGNED = ("aligned.safetensors", "aligned.pt2")  # as the worker keeps it


def tables(result: PathResult) -> tuple[Table, ...]:
    used = " and ".join(f"{count(n)} {split}" for split, n in result.naive.examples.items())
    note = f"Loss is the mean cross-entropy in nats. Measured on {used} examples."
    title = "Loss and accuracy along both paths"
    return (
        Table(partial(curves, result), "Curves", title, "Loss and accuracy at every t", note),
        Table(partial(groups, result), title="Groups of interchangeable units"),
        Table(partial(pinned, result), title="Axes that do not move"),
    )


def files(result: PathResult, run: str) -> tuple[File, ...]:
    """The arrays, and aligned B as it was kept."""
    kept = [name for name in ALIGNED if name in runs.artifacts(run)]
    return (
        File("Everything, NPZ", "data_array", ".npz", lambda: as_npz(result)),
        *(
            File(f"Aligned B, {kind}", "download", f"-B.{kind}", partial(runs.artifact, run, name))
            for name in kept
            for kind in [name.partition(".")[2]]
        ),
    )


def curves(result: PathResult) -> Columns:
    """Loss (nats) and accuracy (percent) of both paths at every t."""
    columns: dict[str, list[float]] = {"t": result.naive.t.tolist()}
    bent = () if result.curve is None else (("curve", result.curve.profile),)
    for name, profile in (("naive", result.naive), ("aligned", result.aligned), *bent):
        for split in profile.values:
            columns[f"{name} {split} loss"] = profile.values[split]["loss"].tolist()
            columns[f"{name} {split} acc."] = (100 * profile.values[split]["accuracy"]).tolist()
    return columns


def groups(result: PathResult) -> Columns:
    """The groups of the symmetry."""
    rows = result.symmetry.groups
    return {
        "group": [row.name for row in rows],
        "units": [row.size for row in rows],
        "moved": ["" if row.moved is None else row.moved for row in rows],
        "written by": [", ".join(row.written) for row in rows],
        "read by": [", ".join(row.read) for row in rows],
    }


def pinned(result: PathResult) -> Columns:
    axes = result.symmetry.pinned
    return {
        "axis": [f"{axis.tensor}[{axis.axis}]" for axis in axes],
        "size": [axis.size for axis in axes],
        "why": [axis.why for axis in axes],
    }


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


def pictures(result: PathResult, cloud: Cloud | None, caption: Text) -> list[Picture]:
    """The figures of the page and of its tabs; `caption` is that of the first."""
    drawn = []
    if cloud is not None:
        bent = (result.curve.title, result.curve.profile) if result.curve else None
        title, how = result.alignment.title, {"curve": bent, "standalone": True}
        figure: Any = path_figure(result.naive, result.aligned, cloud, method_title=title, **how)  # type: ignore[arg-type]
        drawn.append(Picture("The path", figure, str(caption), path_alt(result.naive, result.aligned, cloud, title)))
        if cloud.group in result.matching:
            figure = matching_figure(result.matching, cloud.group, standalone=True)
            alt = matching_alt(result.matching, cloud.group)
            drawn.append(Picture("How well the units fit", figure, str(MATCHING_CAPTION), alt))
    if result.layers:
        figure = layers_figure(result.layers, standalone=True)
        drawn.append(Picture("Layer by layer", figure, str(layers_caption(result.layers)), layers_alt(result.layers)))
    if result.symmetry.groups:
        figure = groups_figure(result.symmetry, standalone=True)
        drawn.append(Picture("Groups along the network", figure, alt=groups_alt(result.symmetry)))
    return drawn
