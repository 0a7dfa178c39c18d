"""What the theory speaks of on one pair: the gap and its bound, transport costs, dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.gap import Gap
from lmc_core.diagnostics.matching import Matching
from lmc_core.figures.palette import Ink, Theme, ThemeName, theme_of
from lmc_core.figures.sheet import LayoutName, Sheet, columns, f32, path_axis, row_axis, row_room, share_axis, shortest
from lmc_core.figures.sketch import ENDS, INK, Curve, Dot, Sketch, axis_top, before_and_after, shares
from lmc_core.words import numbers
from lmc_core.words.theory import dimension_of

_ROW, _PLAIN_ROWS = 40, 6
_GAP = 0.04
"""Share of the width between the panels, beside the names of their rows."""
_SEEN = "W Σ½"
"""How a metric is called, as a ruler of its name."""
_LEAST = 1e-3
"""Losses below this are drawn there on the logarithmic axis."""


def theory_height(layers: int, layout: LayoutName) -> int:
    """Pixels of `theory_figure`."""
    more = max(0, layers - _PLAIN_ROWS) * _ROW
    return 1180 + 2 * more if layout == "narrow" else 430 + more


def theory_figure(
    naive: Gap,
    aligned: Gap,
    matching: Mapping[str, Matching],
    layers: Mapping[str, Layer],
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """One pair: barrier and bound along the path, distances and dimensions per layer."""
    ink, narrow = theme_of(theme), layout == "narrow"
    sheet = Sheet(ink, theory_height(len(layers), layout), standalone, layout)
    distances = row_room([f"{m.label} {_SEEN}" for m in matching.values()], layout)
    sizes = row_room([layer.label for layer in layers.values()], layout)
    free = 1 - distances - sizes - _GAP
    first, second = 0.36 * free, 0.36 * free + distances + _GAP / 2
    boxes = columns([(0.0, first), (second, second + 0.36 * free), (1 - 0.28 * free, 1.0)], narrow)
    if narrow:
        boxes[1:] = [(room, 1.0, *box[2:]) for room, box in zip((distances, sizes), boxes[1:], strict=True)]
    _bound(sheet, boxes[0], naive, aligned, ink)
    left = 0.0 if narrow else None  # over the names of the rows, where no panel is beside them
    _costs(sheet, boxes[1], list(matching.values()), ink, left)
    _dimensions(sheet, boxes[2], list(layers.values()), ink, left)
    return sheet.figure()


def _bound(sheet: Sheet, box: Any, naive: Gap, aligned: Gap, ink: Theme) -> None:
    top = max(float(g.bound.max()) for g in (naive, aligned)) or 1.0
    panel = sheet.panel(
        box,
        "<b>Loss above the chord</b>, and its bound",
        path_axis(ink, 0.02),
        {
            "type": "log",
            "range": [float(np.log10(_LEAST)), float(np.log10(3 * top))],
            "tickvals": [0.001, 0.01, 0.1, 1, 10, 100],
            "ticktext": ["≤0.001", "0.01", "0.1", "1", "10", "100"],
        },
    )
    for name, gap, colour in (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned)):
        inner = slice(1, -1)
        for measure, values, dash, width in (
            ("bound √2·g", gap.bound, "2px,3px", 1.8),
            ("loss above the chord", gap.excess, "solid", 2.5),
        ):
            sheet.add(
                panel,
                mode="lines",
                x=f32(gap.t[inner]),
                y=f32(np.maximum(values[inner], _LEAST)),
                customdata=f32(values[inner]),
                line={"color": colour.mark, "width": width, "dash": dash},
                hovertemplate=f"<b>{name}</b>, {measure}<br>t = %{{x:.2f}}<br>%{{customdata:.3f}}<extra></extra>",
            )
    for name, gap, colour in (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned)):
        middle = len(gap.t) // 2
        at = float(gap.t[middle]), max(float(gap.bound[middle]), _LEAST)
        sheet.label(panel, at, f"<b>{name}</b>, bound", colour, size=12)


def _costs(sheet: Sheet, box: Any, every: list[Matching], ink: Theme, left: float | None) -> None:
    rows = [
        (m, name, cost)
        for m in every
        for name, cost in (("W", m.plain), ("W Σ<sup>½</sup>", m.seen))
        if cost is not None
    ]
    drawn = [(m, name, cost) for m, name, cost in rows if cost.before > 0]
    panel = sheet.panel(
        box,
        "<b>Distance of partners</b>, trained order = 100%",
        share_axis(1.08),
        row_axis([m.label for m, *_ in drawn], 0.1)
        | {
            "ticktext": [
                f"{label} {row[1]}" for label, row in zip(shortest([m.label for m, *_ in drawn]), drawn, strict=True)
            ]
        },
        left=left,
    )
    for k, (m, name, cost) in enumerate(drawn):
        best = cost.best if cost.best is not None else cost.after
        share, least = cost.after / cost.before, best / cost.before
        sheet.add(panel, mode="lines", x=[min(share, least), 1.0], y=[k, k], line={"color": ink.grey.mark, "width": 1})
        for measure, x, colour, symbol, size in (
            ("trained order", 1.0, ink.naive, "diamond", 9),
            ("aligned", share, ink.aligned, "circle", 10),
            ("W₂², the least possible", least, ink.grey, "line-ns-open", 13),
        ):
            value = {"trained order": cost.before, "aligned": cost.after}.get(measure, best)
            hover = f"<b>{m.label}</b>, {name}<br>{measure}: {value:.4g} (%{{x:.0%}})<extra></extra>"
            _dot(sheet, panel, x, k, colour, symbol, size, hover)
    sheet.note(
        f"<span style='color:{ink.naive.text}'>◆ naive</span>  "
        f"<span style='color:{ink.aligned.text}'>● aligned</span>  | least possible, W₂²",
        box[0],
        box[2],
        yshift=-40,
    )


def _dimensions(sheet: Sheet, box: Any, every: list[Layer], ink: Theme, left: float | None) -> None:
    most = max((min(x.dimension.units, x.dimension.features) for x in every), default=1)
    panel = sheet.panel(
        box,
        "<b>Dimension</b> of A",
        {
            "type": "log",
            "range": [-0.1, float(np.log10(max(most, 2) * 2.2))],
            "tickvals": [1, 10, 100, 1000],
            "ticktext": ["1", "10", "100", "1000"],
        },
        row_axis([x.label for x in every], 0.1),
        left=left,
    )
    looks = {
        "of W": ("line-ns-open", ink.grey, 13),
        "as the data sees it": ("circle", ink.a, 10),
        "centred": ("circle-open", ink.a, 10),
    }
    for k, layer in enumerate(every):
        found = dimension_of(layer.dimension)
        values = [value for _, value in found]
        sheet.add(
            panel, mode="lines", x=f32([min(values), max(values)]), y=[k, k], line={"color": ink.grey.mark, "width": 1}
        )
        for name, value in found:
            symbol, colour, size = looks[name]
            hover = f"<b>{layer.label}</b>, {name}<br>dimension {value:.1f}<extra></extra>"
            _dot(sheet, panel, value, k, colour, symbol, size, hover)
    blue = f"<span style='color:{ink.a.text}'>● seen  ○ centred</span>"
    sheet.note(f"| of W  {blue}", box[0], box[2], yshift=-40)


def _dot(sheet: Sheet, panel: int, x: float, row: int, ink: Ink, symbol: str, size: int, hover: str) -> None:
    """One number of a list."""
    marker = {"color": ink.mark, "size": size, "symbol": symbol, "line": {"color": ink.mark, "width": 1.6}}
    sheet.add(panel, mode="markers", x=f32([x]), y=[row], marker=marker, hovertemplate=hover)


def theory_sketch(t: NDArray[np.float64], naive: NDArray[np.float64], aligned: NDArray[np.float64]) -> Sketch:
    """The function gap along both paths."""
    top = axis_top(naive, aligned)
    before, after = numbers.loss(float(naive.max())), numbers.loss(float(aligned.max()))
    return Sketch(
        alt=f"The function gap along the path reaches {before} without alignment and {after} after it.",
        curves=(
            Curve(t, shares(naive, top), INK.naive.mark, area=0.1),
            Curve(t, shares(aligned, top), INK.aligned.mark, 3.0, area=0.1),
        ),
        dots=(Dot(0, 0, INK.a), Dot(1, 0, INK.b)),
        below=ENDS,
        numbers=before_and_after("function gap", float(naive.max()), float(aligned.max())),
    )
