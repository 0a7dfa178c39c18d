"""The path between two networks, before and after alignment."""

from __future__ import annotations

from functools import partial
from typing import Any

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.figures.inspect import groups_figure
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import data as datasets
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.inspect import CLASSES, groups_alt
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import Text
from lmc_core.words.matching import MATCHING_CAPTION, matching_alt
from lmc_core.words.measures import measures
from lmc_core.words.models import models_line
from lmc_core.words.numbers import count, percent
from lmc_core.words.path import LATER, NOTHING_TO_ALIGN, null_note, path_alt, path_caption, path_cards, path_finding


def summary(result: PathResult) -> Summary:
    """The run with the first of its clouds."""
    return with_cloud(result, next(iter(result.clouds.values()), None))


def with_cloud(result: PathResult, cloud: Cloud | None) -> Summary:
    """The run with this cloud beside the curves."""
    classes = max(len(result.data.classes), 2)
    found = path_finding(result.naive, result.aligned, result.alignment.method, classes, null=result.null)
    caption = NOTHING_TO_ALIGN
    if cloud is not None:
        layer = result.layers.get(cloud.group)
        signal = None if layer is None else layer.signal
        caption = path_caption(result.naive, result.aligned, cloud, found.case, signal=signal)
    ends = [percent(float(result.naive.accuracy()[end])) for end in (0, -1)]
    details = [f"test accuracy {ends[0]}", ends[1]]
    return Summary(
        result=result,
        finding=found.sentence,
        about=models_line(result.models, datasets.title(result.data.name), result.naive.examples, details=details),
        cards=path_cards(
            result.naive,
            result.aligned,
            cloud,
            align_seconds=result.seconds.get("align"),
            evaluate_seconds=result.seconds.get("evaluate"),
            device=result.device,
        ),
        caption=caption,
        notes=notes(result),
        tables=tables(result),
        pictures=partial(pictures, result, cloud, caption),
    ).named(measures([result.naive]))


def notes(result: PathResult) -> tuple[str, ...]:
    """What a reader should know: of learning from noise, of the alignment, of the run, of what it does not hold."""
    learned = [] if result.null is None else [str(null_note(result.null))]
    return (*learned, *result.alignment.notes, *result.notes, *([LATER] if result.later else []))


def tables(result: PathResult) -> tuple[Table, ...]:
    """Curves, groups and pinned axes."""
    used = " and ".join(f"{count(n)} {split}" for split, n in result.naive.examples.items())
    note = f"Loss is the mean cross-entropy in nats. Measured on {used} examples."
    title = "Loss and accuracy along both paths"
    return (
        Table(partial(curves, result), "Curves", title, "Loss and accuracy at every t", note),
        Table(partial(groups, result), title="Groups of interchangeable units"),
        Table(partial(pinned, result), title="Axes that do not move"),
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
        "may be": [CLASSES.get(row.kind, CLASSES["permutation"]) for row in rows],
        "moved": ["" if row.moved is None else row.moved for row in rows],
        "written by": [", ".join(row.written) for row in rows],
        "read by": [", ".join(row.read) for row in rows],
    }


def pinned(result: PathResult) -> Columns:
    """The axes that do not move, with the reason."""
    axes = result.symmetry.pinned
    return {
        "axis": [f"{axis.tensor}[{axis.axis}]" for axis in axes],
        "size": [axis.size for axis in axes],
        "why": [axis.why for axis in axes],
    }


def pictures(result: PathResult, cloud: Cloud | None, caption: Text, look: ThemeName = "light") -> list[Picture]:
    """The figures of the page and of its tabs; `caption` is that of the first."""
    drawn = []
    if cloud is not None:
        bent = (result.curve.title, result.curve.profile) if result.curve else None
        title, how = result.alignment.title, {"curve": bent, "standalone": True, "theme": look}
        figure: Any = path_figure(result.naive, result.aligned, cloud, method_title=title, **how)  # type: ignore[arg-type]
        drawn.append(Picture("The path", figure, str(caption), path_alt(result.naive, result.aligned, cloud, title)))
        if cloud.group in result.matching:
            figure = matching_figure(result.matching, cloud.group, theme=look, standalone=True)
            alt = matching_alt(result.matching, cloud.group)
            drawn.append(Picture("How well the units fit", figure, str(MATCHING_CAPTION), alt))
    if result.layers:
        figure = layers_figure(result.layers, theme=look, standalone=True)
        drawn.append(Picture("Layer by layer", figure, str(layers_caption(result.layers)), layers_alt(result.layers)))
    if result.symmetry.groups:
        figure = groups_figure(result.symmetry, theme=look, standalone=True)
        drawn.append(Picture("Groups along the network", figure, alt=groups_alt(result.symmetry)))
    return drawn
