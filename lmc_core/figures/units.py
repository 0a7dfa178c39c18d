"""One unit looked at closely: its incoming weights in A, in B and in its match, in one scale of colours."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import MARGIN, Box, Sheet
from lmc_core.words import numbers as words

Array = NDArray[np.float64]

WIDTHS = {"wide": 1010, "narrow": 358}
HEIGHTS = {"wide": 330, "narrow": 250}
FOOT = 12
"""Pixels under pictures, which have no axis."""
TILES = 64
"""Channels of a convolution drawn at most."""
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
    layout: Literal["wide", "narrow"] = "wide",
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
    draw = _bars if block.kind == "profile" else _picture
    order = np.argsort(-three[0].reshape(-1), kind="stable") if _sorted(units, block) else None
    for box, title, values in zip(_BOXES[layout], titles, three, strict=True):
        draw(sheet, box, title, values, block, ends, order, first=box[0] == 0, width=WIDTHS[layout])
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
        figure.update_layout(margin={"l": 8, "r": 30, "b": FOOT})
    elif block.kind != "profile":
        figure.update_layout(margin={"l": 8, "b": FOOT})
    return figure


def units_height(block: Block, layout: Literal["wide", "narrow"]) -> int:
    """Pixels of `units_figure`: fewer where square weights would leave its lower part empty."""
    if block.kind not in ("image", "taps"):
        return HEIGHTS[layout]
    (left, right, *_), shape = _BOXES[layout][0], block.shape
    rows, columns = mosaic(np.zeros(shape)).shape if len(shape) == 3 else shape
    needed = (right - left) * (WIDTHS[layout] - MARGIN[0]) * rows / columns
    return min(HEIGHTS[layout], round(needed) + MARGIN[1] + FOOT)


def units_alt(units: Units, number: int) -> str:
    """What the figure shows, for who does not see it."""
    cosines, distances = _numbers(units, number)
    return (
        f"Incoming weights of unit {number} of {units.label} in A, of B's unit {number} and of its match: the cosine "
        f"with A's is {cosines[0]} and {cosines[1]}, the distance {distances[0]} and {distances[1]}."
    )


def units_caption(units: Units, number: int, block: Block | None = None) -> str:
    """What to look at, as Streamlit markdown."""
    block = block or units.blocks[0]
    cosines, distances = _numbers(units, number)
    partner = int(units.partner[units.place(number)])
    met = f"B's unit {partner}" if partner >= 0 else "what meets it in aligned B"
    parts = [
        f"**Unit {number} of {units.label}.** Its weights and those of B's unit {number} have cosine "
        f":orange[{cosines[0]}] and distance :orange[{distances[0]}]; those of its match, {met}, "
        f":green[{cosines[1]}] and :green[{distances[1]}]. One scale serves all three."
    ]
    if units.metric == "data":
        parts.append(
            "Weights are drawn as the data sees them: those of inputs that vary together or little are evened out."
        )
    if block.kind == "image":
        parts.append("One weight per pixel of the input, laid out as the input is.")
    elif block.kind == "taps":
        drawn = f"the first {TILES} of {block.shape[0]}" if block.shape[0] > TILES else f"{block.shape[0]}"
        parts.append(f"One tile per channel that it reads ({drawn}).")
    elif block.kind == "rows":
        parts.append("One row per gate or tap, one column per value that it reads.")
    elif _sorted(units, block):
        parts.append("One bar per unit that it reads, in the order of A's weights.")
    else:
        parts.append("One bar per value that it reads.")
    if units.moved:
        parts.append("The match is drawn with its inputs in A's order; B in its own.")
    if len(units.numbers) < units.total:
        kept = f"{words.count(len(units.numbers))} of {words.count(units.total)}"
        parts.append(f"The layer is cut: weights of {kept} units are kept.")
    return " ".join(parts)


def mosaic(values: Array) -> Array:
    """Tiles (channels, rows, columns) in a grid about as wide as high, one empty place between them."""
    channels, rows, columns = values[:TILES].shape
    across = int(np.ceil(np.sqrt(channels)))
    down = -(-channels // across)
    canvas = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), np.nan)
    for k in range(channels):
        y, x = k // across * (rows + 1), k % across * (columns + 1)
        canvas[y : y + rows, x : x + columns] = values[k]
    return canvas


def _picture(
    sheet: Sheet,
    box: Box,
    title: str,
    values: Array,
    block: Block,
    ends: tuple[float, float],
    order: Any,
    *,
    first: bool,
    width: int,
) -> None:
    canvas = mosaic(values) if values.ndim == 3 else values
    bare: dict[str, Any] = {"showticklabels": False, "showgrid": False}
    y = bare | {"autorange": "reversed"}
    if block.kind != "rows":
        across = (box[1] - box[0]) * (width - MARGIN[0])
        high = sheet.pixels(1) + MARGIN[3] - FOOT
        side = min(across / canvas.shape[1], high / canvas.shape[0])  # square weights, against the panel's upper left
        box = (box[0], box[0] + side * canvas.shape[1] / (width - MARGIN[0]), 1 - side * canvas.shape[0] / high, 1.0)
    panel = sheet.panel(box, title, bare, y)
    sheet.add(
        panel,
        type="heatmap",
        z=f32(canvas),
        coloraxis="coloraxis",
        hovertemplate="row %{y}, column %{x}<br>weight %{z:.3f}<extra></extra>",
        hoverongaps=False,
    )


def _bars(
    sheet: Sheet,
    box: Box,
    title: str,
    values: Array,
    block: Block,
    ends: tuple[float, float],
    order: Any,
    *,
    first: bool,
    width: int,
) -> None:
    ink, (low, high) = sheet.theme, ends
    numbers = np.arange(len(values)) if order is None else order
    x: dict[str, Any] = {"showticklabels": False, "showgrid": False, "title": "what it reads"}
    y: dict[str, Any] = {"range": [1.06 * low, 1.06 * high], "showticklabels": first, "nticks": 5}
    panel = sheet.panel(box, title, x, y)
    shown = values[numbers]
    sheet.add(
        panel,
        type="bar",
        y=f32(shown),
        width=1,
        marker={"color": [ink.diverging[-1 if v >= 0 else 0][1] for v in shown], "line": {"width": 0}},
        customdata=numbers,
        hovertemplate="from %{customdata}<br>weight %{y:.3f}<extra></extra>",
    )


def _sorted(units: Units, block: Block) -> bool:
    """Whether the order of what is read means nothing, so that A's weights may set it."""
    return block.kind == "profile" and units.moved


def _numbers(units: Units, number: int) -> tuple[list[str], list[str]]:
    place = units.place(number)
    cosines = [f"{value:.2f}".replace("-", "−") for value in units.cosine[place]]
    return cosines, [f"{value:.2f}" for value in units.distance[place]]


def _named(letter: str, number: int) -> str:
    return f"{letter} {number}" if number >= 0 else f"{letter} aligned"
