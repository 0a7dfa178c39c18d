"""A result as one HTML file: everything the page shows, with the chosen layer, and nothing to load."""

import json
from typing import Any

from lmc_core.figures.inspect import groups_figure
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.report import Picture, Report, Table, report_html
from lmc_core.runs.values.result import PathResult
from lmc_core.words.inspect import groups_alt
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.matching import MATCHING_CAPTION, matching_alt
from pages._show import share
from pages._show.shown import Shown, who


def report(shown: Shown) -> bytes:
    """The file."""
    result, facts = shown.result, shown.result.symmetry
    tables = (
        Table("Loss and accuracy along both paths", table(result)),
        Table("Groups of interchangeable units", groups(result)),
        Table(
            "Axes that do not move",
            {
                "axis": [f"{p.tensor}[{p.axis}]" for p in facts.pinned],
                "size": [p.size for p in facts.pinned],
                "why": [p.why for p in facts.pinned],
            },
        ),
    )
    content = Report(
        title=result.title,
        finding=shown.found.text,
        about=str(who(result)),
        numbers=tuple((card.label, str(card.value), card.note) for card in shown.cards),
        pictures=tuple(pictures(shown)),
        tables=tuple(one for one in tables if one.rows),
        listings=(
            ("Command line", share.command(result)),
            ("Python", share.python(result)),
            ("Request", json.dumps(dict(result.request), indent=1, default=list)),
        ),
        notes=(*result.alignment.notes, *result.notes),
        link=share.run_link(shown.run_id),
        facts={**result.versions, "device": result.device, "seed": str(result.alignment.seed)},
    )
    return report_html(content).encode()


def pictures(shown: Shown) -> list[Picture]:
    """The figures of the page and of its tabs."""
    result, drawn = shown.result, []
    bent = (result.curve.title, result.curve.profile) if result.curve else None
    if shown.cloud is not None:
        figure = path_figure(
            result.naive, result.aligned, shown.cloud, method_title=shown.title, curve=bent, standalone=True
        )
        drawn.append(Picture("The path", figure, str(shown.caption), shown.alt))
        if shown.cloud.group in result.matching:
            group = shown.cloud.group
            figure = matching_figure(result.matching, group, standalone=True)
            alt = matching_alt(result.matching, group)
            drawn.append(Picture("How well the units fit", figure, str(MATCHING_CAPTION), alt))
    if result.layers:
        figure, caption = layers_figure(result.layers, standalone=True), layers_caption(result.layers)
        drawn.append(Picture("Layer by layer", figure, str(caption), layers_alt(result.layers)))
    if result.symmetry.groups:
        figure = groups_figure(result.symmetry, standalone=True)
        drawn.append(Picture("Groups along the network", figure, alt=groups_alt(result.symmetry)))
    return drawn


def table(result: PathResult) -> dict[str, list[float]]:
    """Loss (nats) and accuracy (percent) of both paths at every t, as columns."""
    columns: dict[str, list[float]] = {"t": result.naive.t.tolist()}
    bent = () if result.curve is None else (("curve", result.curve.profile),)
    for name, profile in (("naive", result.naive), ("aligned", result.aligned), *bent):
        for split in profile.values:
            columns[f"{name} {split} loss"] = profile.values[split]["loss"].tolist()
            columns[f"{name} {split} acc."] = (100 * profile.values[split]["accuracy"]).tolist()
    return columns


def groups(result: PathResult) -> dict[str, list[Any]]:
    """The symmetry's groups as columns."""
    rows = result.symmetry.groups
    return {
        "group": [row.name for row in rows],
        "units": [row.size for row in rows],
        "moved": ["" if row.moved is None else row.moved for row in rows],
        "written by": [", ".join(row.written) for row in rows],
        "read by": [", ".join(row.read) for row in rows],
    }
