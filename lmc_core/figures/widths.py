"""How barrier and distance go with the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.width import Scaling
from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import LAYER_DASHES, Ink, Theme, ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import Box, Sheet, columns

_LEAST = 1e-3
"""The barrier that an axis of zeros alone would show."""
_TICKS = [digit * 10.0**k for k in range(-4, 2) for digit in (1, 2, 3, 4, 5, 7)]
_ROW = 18
"""Pixels of a line of the key."""


def width_height(layout: Literal["wide", "narrow"]) -> int:
    """Pixels of `width_figure`."""
    return 800 if layout == "narrow" else 430


def width_figure(
    widths: Sequence[int],
    naive: Sequence[float],
    aligned: Sequence[float],
    scalings: Mapping[str, Scaling],
    *,
    seen: bool = True,
    theme: ThemeName = "light",
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Barrier and W₂² against width. `seen`: the costs are of W Σ^½ rather than of W."""
    ink = theme_of(theme)
    sheet = Sheet(ink, width_height(layout), standalone)
    boxes = columns([(0.0, 0.44), (0.56, 1.0)], layout == "narrow", gap=0.14)
    across = {
        "type": "log",
        "range": [float(np.log10(widths[0] / 1.35)), float(np.log10(widths[-1] * 1.35))],
        "tickvals": list(widths),
        "ticktext": [str(width) for width in widths],
        "title": "units per layer",
    }
    top = max(*naive, *aligned, _LEAST)
    panel = sheet.panel(
        boxes[0], "<b>Barrier</b>, test loss", across, {"range": [-0.06 * top, 1.18 * top], "nticks": 5}
    )
    for name, values, colour in (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned)):
        _barriers(sheet, panel, name, widths, values, colour, top)
    _scaling(sheet, boxes[1], across, scalings, seen, ink)
    return sheet.figure()


def _barriers(
    sheet: Sheet, panel: int, name: str, widths: Sequence[int], values: Sequence[float], colour: Ink, top: float
) -> None:
    """One line with its name above its middle."""
    symbol, middle = "diamond" if name == "naive" else "circle", len(widths) // 2
    sheet.add(
        panel,
        mode="lines+markers",
        x=f32(widths),
        y=f32(values),
        line={"color": colour.mark, "width": 2.6},
        marker={
            "color": colour.mark,
            "size": 9,
            "symbol": symbol,
            "line": {"color": sheet.theme.halo, "width": 1.5},
        },
        hovertemplate=f"<b>{name}</b><br>width %{{x:.0f}}<br>barrier %{{y:.3f}}<extra></extra>",
    )
    sheet.add(
        panel,
        mode="text",
        x=[widths[middle]],
        y=[values[middle] + 0.02 * top],
        text=[f"<b>{name}</b>"],
        textposition="top center",
        textfont={"color": colour.text, "size": 13},
    )


def _scaling(
    sheet: Sheet, box: Box, across: dict[str, Any], scalings: Mapping[str, Scaling], seen: bool, ink: Theme
) -> None:
    """W₂² of every layer, one dash each, over a key with its slope and the dimension this implies."""
    values = np.concatenate([s.costs for s in scalings.values()]) if scalings else np.ones(1)
    low, high = float(np.log10(max(values.min(), 1e-6) / 1.15)), float(np.log10(max(values.max(), 1e-6) * 1.3))
    key = min(0.6, (_ROW * len(scalings) + 12) / sheet.pixels(box[3] - box[2]))  # a share of the panel, at its foot
    bottom = high - (high - low) / (1 - key)
    ticks = [tick for tick in _TICKS if low <= np.log10(tick) <= high]
    panel = sheet.panel(
        box,
        f"<b>W₂²</b> of W{' Σ<sup>½</sup>' if seen else ''}, relative to the size of the units",
        across,
        {"type": "log", "range": [bottom, high], "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]},
    )
    left, right = across["range"]
    for k, (label, line) in enumerate(scalings.items()):
        drawn = {"color": ink.aligned.mark, "width": 2.2, "dash": LAYER_DASHES[k % len(LAYER_DASHES)]}
        sheet.add(
            panel,
            mode="lines+markers",
            x=f32(line.widths),
            y=f32(line.costs),
            line=drawn,
            marker={"color": ink.aligned.mark, "size": 8, "line": {"color": ink.halo, "width": 1.2}},
            hovertemplate=f"<b>{label}</b><br>width %{{x:.0f}}<br>W₂² %{{y:.3f}}<extra></extra>",
        )
        y = 10 ** (bottom + (high - bottom) * key * (len(scalings) - k - 0.5) / max(len(scalings), 1))
        ends = [10 ** (left + share * (right - left)) for share in (0.03, 0.13)]
        sheet.add(panel, mode="lines", x=f32(ends), y=f32([y, y]), line=drawn)
        sheet.add(
            panel,
            mode="text",
            x=f32(ends[1:]),
            y=f32([y]),
            text=[_slope(label, line)],
            textposition="middle right",
            textfont={"color": ink.aligned.text, "size": 12},
        )


def _slope(label: str, line: Scaling) -> str:
    implied = f", implies dimension {line.dimension:.1f}" if line.dimension is not None else ""
    return f" {label}: slope {line.slope:.2f}{implied}".replace("-", "−")
