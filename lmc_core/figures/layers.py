"""The Layers tab: feature connectivity, spread kept half-way, spectra; paths by colour, layers by dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.connectivity import Connectivity
from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.dimension import Spectrum
from lmc_core.errors import InputError
from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import LAYER_DASHES, Theme, ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import Sheet, columns, short
from lmc_core.words import numbers as words

_ROW = 24
_PLAIN_ROWS = 9
_LISTED = 5
"""Dimensions of more layers are given as a range."""


def layers_figure(
    layers: Mapping[str, Layer],
    *,
    theme: ThemeName = "light",
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """All layers of one run. Raises InputError if there is none."""
    if not layers:
        raise InputError("there is no layer to draw: the network has no group of interchangeable units")
    ink, narrow, every = theme_of(theme), layout == "narrow", list(layers.values())
    sheet = Sheet(ink, layers_height(len(every), layout), standalone)
    boxes = columns([(0.0, 0.27), (0.385, 0.655), (0.745, 1.0)], narrow)
    if narrow:
        boxes[1] = (0.14, 1.0, *boxes[1][2:])
    _connectivity(sheet, boxes[0], every, ink)
    _spread(sheet, boxes[1], every, ink)
    _spectra(sheet, boxes[2], every, ink)
    return sheet.figure()


def layers_height(layers: int, layout: str) -> int:
    """Height in pixels of the figure of so many layers."""
    return (1000 if layout == "narrow" else 400) + max(0, layers - _PLAIN_ROWS) * _ROW


def layers_alt(layers: Mapping[str, Layer]) -> str:
    """What the figure shows, for who does not see it."""
    parts = []
    for layer in layers.values():
        before, after = layer.spread
        said = f"{layer.label} keeps {words.whole(before)} percent of its spread before, {words.whole(after)} after"
        if layer.before is not None and layer.after is not None:
            lows = (float(side.cosine.min()) for side in (layer.before, layer.after))
            said += ", lowest feature cosine {:.2f} before, {:.2f} after".format(*lows)
        parts.append(f"{said}, dimension {_shown(layer).dimension:.1f}")
    return "Per layer: " + "; ".join(parts) + "."


def _connectivity(sheet: Sheet, box: Any, every: list[Layer], ink: Theme) -> None:
    lines: list[tuple[int, Layer, Connectivity, bool]] = []
    for k, layer in enumerate(every):
        lines += [(k, layer, side, side is layer.after) for side in (layer.before, layer.after) if side is not None]
    low = min([0.98, *(float(side.cosine.min()) for _, _, side, _ in lines)])
    ends = [f"<b style='color:{end.text}'>{name}</b>" for name, end in (("A", ink.a), ("B", ink.b))]
    panel = sheet.panel(
        box,
        "<b>Feature connectivity</b> along the path",
        {
            "range": [-0.01, 1.01],
            "tickmode": "array",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": [ends[0], "¼", "½", "¾", ends[1]],
        },
        {"range": [1 - 1.16 * (1 - low), 1 + 0.06 * (1 - low)], "title": "cosine", "nticks": 7},
    )
    if not lines:
        sheet.note("not measured: no data, or a network that cannot be traced", box[0], box[3], yshift=-20)
    for k, layer, side, after in lines:
        colour, name = (ink.aligned, "aligned") if after else (ink.naive, "naive")
        sheet.add(
            panel,
            mode="lines",
            x=f32(side.t),
            y=f32(side.cosine),
            line={"color": colour.mark, "width": 2, "dash": LAYER_DASHES[k % len(LAYER_DASHES)]},
            hovertemplate=f"<b>{name}</b>, {layer.label}<br>t = %{{x:.2f}}<br>cosine %{{y:.3f}}<extra></extra>",
        )
    for name, colour, wanted in (("naive", ink.naive, False), ("aligned", ink.aligned, True)):
        lows = [float(side.cosine.min()) for _, _, side, after in lines if after == wanted]
        if lows:
            font = {"color": colour.text, "size": 12.5}
            text = [f"<b>{name}</b>"]
            sheet.add(
                panel, mode="text", x=[0.5], y=[min(lows)], text=text, textposition="bottom center", textfont=font
            )
    if 1 < len(every) <= len(LAYER_DASHES):
        _key(sheet, panel, every, 1 - 1.1 * (1 - low), 0.068 * (1 - low), ink)


def _key(sheet: Sheet, panel: int, every: list[Layer], bottom: float, line: float, ink: Theme) -> None:
    """Dash → layer, in the lower left corner, where no curve passes."""
    for k, layer in enumerate(every):
        y = bottom + (len(every) - 1 - k) * line
        dash = {"color": ink.grey.mark, "width": 1.6, "dash": LAYER_DASHES[k]}
        sheet.add(panel, mode="lines", x=[0.0, 0.085], y=[y, y], line=dash)
        font = {"color": ink.neutral, "size": 11}
        sheet.add(
            panel, mode="text", x=[0.1], y=[y], text=[short(layer.label)], textposition="middle right", textfont=font
        )


def _spread(sheet: Sheet, box: Any, every: list[Layer], ink: Theme) -> None:
    panel = sheet.panel(
        box,
        "<b>Spread kept half-way</b>",
        {"range": [0, 1.16], "tickmode": "array", "tickvals": [0, 0.5, 1], "ticktext": ["0%", "50%", "100%"]},
        {
            "range": [len(every) - 0.5, -0.5],
            "tickmode": "array",
            "tickvals": list(range(len(every))),
            "ticktext": [short(layer.label) for layer in every],
        },
    )
    numbers = len(every) <= _PLAIN_ROWS
    for name, side, shift, colour in (("before", 0, -0.15, ink.naive), ("after", 1, 0.15, ink.aligned)):
        values = np.array([layer.spread[side] for layer in every])
        sheet.add(
            panel,
            type="bar",
            orientation="h",
            x=f32(values),
            y=f32(np.arange(len(every)) + shift),
            width=0.26,
            marker={"color": colour.mark, "line": {"width": 0}},
            text=[f"{words.whole(v)}%" for v in values] if numbers else None,
            textposition="outside" if numbers else "none",
            textfont={"color": colour.text, "size": 12},
            cliponaxis=False,
            customdata=[layer.label for layer in every],
            hovertemplate=f"<b>%{{customdata}}</b>, {name}<br>keeps %{{x:.1%}}<extra></extra>",
        )
    line = {"color": ink.grey.mark, "width": 1.2, "dash": "2px,3px"}
    sheet.add(panel, mode="lines", x=[0.5, 0.5], y=[-0.5, len(every) - 0.5], line=line)


def _spectra(sheet: Sheet, box: Any, every: list[Layer], ink: Theme) -> None:
    seen = every[0].dimension.seen is not None
    spectra = [_shown(layer) for layer in every]
    top = max(float(s.shares.max(initial=1e-6)) for s in spectra)
    low = min(max(float(s.shares.min(initial=1.0)), 1e-5) for s in spectra)
    panel = sheet.panel(
        box,
        f"<b>Spectrum</b> of W{' Σ<sup>½</sup>' if seen else ''}, model A",
        {"range": [0.5, max(len(s.shares) for s in spectra) + 0.5], "title": "component", "nticks": 5},
        {
            "type": "log",
            "range": [float(np.log10(0.7 * low)), float(np.log10(1.6 * top))],
            "tickvals": [1, 0.1, 0.01, 0.001, 1e-4, 1e-5],
            "ticktext": ["100%", "10%", "1%", "0.1%", "0.01%", "0.001%"],
        },
    )
    for k, (layer, spectrum) in enumerate(zip(every, spectra, strict=True)):
        sheet.add(
            panel,
            mode="lines",
            x=f32(np.arange(1, len(spectrum.shares) + 1)),
            y=f32(np.maximum(spectrum.shares, 1e-6)),
            line={"color": ink.a.mark, "width": 2, "dash": LAYER_DASHES[k % len(LAYER_DASHES)]},
            hovertemplate=f"<b>{layer.label}</b><br>component %{{x}}<br>%{{y:.2%}} of the total<extra></extra>",
        )
    if len(every) <= _LISTED:
        lines = [f"{short(layer.label, 20)}: {_dimensions([layer])}" for layer in every]
    else:
        lines = [f"{_dimensions(every)}, {len(every)} layers"]
    text = "<br>".join(["dimension" + (" (centred)" if seen else ""), *lines])
    font = {"color": ink.a.text, "size": 12}
    sheet.note(text, box[1], box[3], xanchor="right", yanchor="top", yshift=-4, align="right", font=font)


def _shown(layer: Layer) -> Spectrum:
    """As the data sees it where that was measured."""
    return layer.dimension.seen or layer.dimension.weights


def _dimensions(layers: list[Layer]) -> str:
    """The dimension, or the range of several, with the centred one in brackets."""
    shown = [_shown(layer).dimension for layer in layers]
    centred = [layer.dimension.centred.dimension for layer in layers if layer.dimension.centred is not None]
    return _range(shown) + (f" ({_range(centred)})" if centred else "")


def _range(values: list[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low}–{high}"
