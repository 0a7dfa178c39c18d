"""One unit looked at closely: its incoming weights in A, in B and in its match, in one scale of colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.figures.palette import ThemeName, theme_of
from lmc_core.figures.sheet import MARGIN, Box, LayoutName, Sheet, f32
from lmc_core.words.units import TILES, in_order_of_a

Array = NDArray[np.float64]

WIDTHS = {"wide": 1010, "narrow": 358}
HEIGHTS = {"wide": 330, "narrow": 250}
COLOURS = 3  # channels of a colour picture
FOOT = 12
"""Pixels under pictures, which have no axis."""
_BOXES: dict[str, tuple[Box, ...]] = {
    "wide": ((0.0, 0.285, 0.0, 1.0), (0.315, 0.6, 0.0, 1.0), (0.63, 0.915, 0.0, 1.0)),
    "narrow": ((0.0, 0.3, 0.0, 1.0), (0.33, 0.63, 0.0, 1.0), (0.66, 0.96, 0.0, 1.0)),
}


def units_figure(
    units: Units,
    number: int,
    block: Block | None = None,
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """A's unit of that number, B's unit of that number, and B's unit that A's meets after alignment.

    block   which of the unit's tensors; by default the first

    Raises InputError for a unit that was not kept.
    """
    ink, block, narrow = theme_of(theme), block or units.blocks[0], layout == "narrow"
    three = units.weights(number, block)
    top = max(float(np.abs(x).max()) for x in three) or 1.0
    ends = min(float(x.min()) for x in (*three, np.zeros(1))), max(float(x.max()) for x in (*three, np.zeros(1)))
    sheet = Sheet(ink, units_height(block, layout), standalone)
    match = _named("B", int(units.partner[units.place(number)]))
    marks = [f"<span style='color:{end.mark}'>●</span> " for end in (ink.a, ink.b, ink.b)]
    says = ("", "", "") if narrow else ("", "  in its trained order", "  the match")
    titles = [
        f"{mark}<b>{name}</b><span style='font-size:11px;color:{ink.neutral}'>{said}</span>"
        for mark, name, said in zip(marks, (f"A {number}", f"B {number}", match), says, strict=True)
    ]
    order = (
        np.argsort(-three[0].reshape(-1), kind="stable") if in_order_of_a(units, block) else np.arange(three[0].size)
    )
    for box, title, values in zip(_BOXES[layout], titles, three, strict=True):
        if block.kind == "profile":
            _bars(sheet, box, title, values, ends, order)
        else:
            _picture(sheet, box, title, values, None if block.kind == "rows" else WIDTHS[layout] - MARGIN[0])
    figure = sheet.figure()
    if block.kind != "profile":
        scale = [list(stop) for stop in ink.diverging]
        tick = float(f"{0.8 * top:.1g}")
        bar: dict[str, Any] = {
            "thickness": 8,
            "len": 0.9,
            "x": 0.93 if not narrow else 0.97,
            "outlinewidth": 0,
            "tickvals": [-tick, 0, tick],
        }
        bar |= {"tickfont": {"size": 10 if narrow else 11, "color": ink.ticks}, "xpad": 4, "tickformat": ".2~g"}
        figure.update_layout(coloraxis={"colorscale": scale, "cmin": -top, "cmax": top, "colorbar": bar})
    if narrow:
        figure.update_layout(margin={"l": 40 if block.kind == "profile" else 8, "r": 30, "b": FOOT})
    elif block.kind != "profile":
        figure.update_layout(margin={"l": 8, "b": FOOT})
    return figure


LEAST = 64
"""Pixels of a colour bar whose three numbers stand clear of each other."""


def units_height(block: Block, layout: LayoutName) -> int:
    """Pixels of `units_figure`: fewer where square weights would leave its lower part empty."""
    if block.kind not in ("image", "taps"):
        return HEIGHTS[layout]
    (left, right, *_), shape = _BOXES[layout][0], block.shape
    rows, columns = mosaic(np.zeros(shape)).shape if len(shape) == 3 else shape
    needed = (right - left) * (WIDTHS[layout] - MARGIN[0]) * rows / columns
    return min(HEIGHTS[layout], max(round(needed), LEAST) + MARGIN[1] + FOOT)


def mosaic(values: Array) -> Array:
    """Tiles (channels, rows, columns) in a grid about as wide as high, one empty place between them.

    The three of a colour picture stand in one row: red, green, blue.
    """
    channels, rows, columns = values[:TILES].shape
    across = channels if channels == COLOURS else int(np.ceil(np.sqrt(channels)))
    down = -(-channels // across)
    canvas = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), np.nan)
    for k in range(channels):
        y, x = k // across * (rows + 1), k % across * (columns + 1)
        canvas[y : y + rows, x : x + columns] = values[k]
    return canvas


def _picture(sheet: Sheet, box: Box, title: str, values: Array, width: int | None) -> None:
    """Weights as a picture; `width` in pixels of the whole plot where they are squares, at the panel's upper left."""
    canvas = mosaic(values) if values.ndim == 3 else values
    bare: dict[str, Any] = {"showticklabels": False, "showgrid": False}
    if width:
        high = sheet.pixels(1) + MARGIN[3] - FOOT
        side = min((box[1] - box[0]) * width / canvas.shape[1], high / canvas.shape[0])
        box = (box[0], box[0] + side * canvas.shape[1] / width, 1 - side * canvas.shape[0] / high, 1.0)
    panel = sheet.panel(box, title, bare, bare | {"autorange": "reversed"})
    sheet.add(
        panel,
        type="heatmap",
        z=f32(canvas),
        coloraxis="coloraxis",
        hovertemplate="row %{y}, column %{x}<br>weight %{z:.3f}<extra></extra>",
        hoverongaps=False,
    )


def _bars(sheet: Sheet, box: Box, title: str, values: Array, ends: tuple[float, float], order: NDArray[Any]) -> None:
    ink, (low, high) = sheet.theme, ends
    x: dict[str, Any] = {"showticklabels": False, "showgrid": False, "title": "what it reads"}
    y: dict[str, Any] = {"range": [1.06 * low, 1.06 * high], "showticklabels": box[0] == 0, "nticks": 5}
    panel = sheet.panel(box, title, x, y)
    shown = values[order]
    sheet.add(
        panel,
        type="bar",
        y=f32(shown),
        width=1,
        marker={"color": [ink.diverging[-1 if v >= 0 else 0][1] for v in shown], "line": {"width": 0}},
        customdata=order,
        hovertemplate="from %{customdata}<br>weight %{y:.3f}<extra></extra>",
    )


def _named(letter: str, number: int) -> str:
    return f"{letter} {number}" if number >= 0 else f"{letter} aligned"
