"""How barrier and distance go with the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.width import Scaling
from lmc_core.figures.palette import DASHES, Ink, Theme, ThemeName, theme_of
from lmc_core.figures.sheet import Box, LayoutName, Sheet, columns, f32
from lmc_core.figures.sketch import INK, Curve, Dot, Sketch, axis_top, before_and_after, shares
from lmc_core.words import numbers

_LEAST = 1e-3
"""The barrier that an axis of zeros alone would show."""
_TICKS = [digit * 10.0**k for k in range(-4, 2) for digit in (1, 2, 3, 4, 5, 7)]
_ROW = 18
"""Pixels of a line of the key."""


def width_height(layout: LayoutName) -> int:
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
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Barrier and W₂² against width. `seen`: the costs are of W Σ^½ rather than of W."""
    ink = theme_of(theme)
    sheet = Sheet(ink, width_height(layout), standalone, layout)
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
    both = (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned))
    for name, values, colour in both:
        _barriers(sheet, panel, name, widths, values, colour)
    middle = len(widths) // 2
    for name, values, colour in both:
        sheet.label(panel, (widths[middle], values[middle]), f"<b>{name}</b>", colour, size=13)
    _scaling(sheet, boxes[1], across, scalings, seen, ink)
    return sheet.figure()


def _barriers(sheet: Sheet, panel: int, name: str, widths: Sequence[int], values: Sequence[float], colour: Ink) -> None:
    """One line."""
    symbol = "diamond" if name == "naive" else "circle"
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
        drawn = {"color": ink.aligned.mark, "width": 2.2, "dash": DASHES[k % len(DASHES)]}
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
        how = {"textposition": "middle right", "textfont": {"color": ink.aligned.text, "size": 12}}
        sheet.text(panel, ends[1], y, _slope(label, line), ink.aligned, **how)


def _slope(label: str, line: Scaling) -> str:
    implied = f", implies dimension {line.dimension:.1f}" if line.dimension is not None else ""
    return f" {label}: slope {line.slope:.2f}{implied}".replace("-", "−")


def width_sketch(widths: Sequence[int], naive: Sequence[float], aligned: Sequence[float]) -> Sketch:
    """Barriers against width."""
    top = axis_top(np.asarray(naive), np.asarray(aligned))
    log = np.log(np.asarray(widths, np.float64))
    x = 0.04 + 0.92 * (log - log[0]) / max(log[-1] - log[0], 1e-12)
    curves, dots = [], []
    for values, ink, turned in ((naive, INK.naive, True), (aligned, INK.aligned, False)):
        y = shares(np.asarray(values, np.float64), top)
        curves.append(Curve(x, y, ink.mark, 2.6))
        dots += [Dot(float(a), float(b), ink, turned=turned) for a, b in zip(x, y, strict=True)]
    each = ", ".join(
        f"{w}: {numbers.loss(b)} and {numbers.loss(a)}" for w, b, a in zip(widths, naive, aligned, strict=True)
    )
    return Sketch(
        alt=f"Barriers without and with alignment at width {each}.",
        curves=tuple(curves),
        dots=tuple(dots),
        below=tuple((float(a), str(width), INK.grey.text) for a, width in zip(x, widths, strict=True)),
        numbers=before_and_after(f"width {widths[-1]}", naive[-1], aligned[-1]),
    )
