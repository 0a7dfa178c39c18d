"""The Layers tab: feature connectivity, spread kept half-way, spectra.

Paths differ by colour; few layers by dash, of many the chosen one is drawn in full between faint others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.connectivity import Connectivity
from lmc_core.diagnostics.diagnose import Layer
from lmc_core.errors import InputError
from lmc_core.figures.palette import DASHES, Theme, ThemeName, faded, theme_of
from lmc_core.figures.sheet import (
    LayoutName,
    Sheet,
    columns,
    f32,
    path_axis,
    row_axis,
    row_room,
    share_axis,
    short,
)
from lmc_core.words import numbers
from lmc_core.words.layers import spectrum_of

_ROW = 24
_PLAIN_ROWS = 9
_LISTED = 5
"""Dimensions of more layers are given as a range."""
_DASHED = 4
"""Of more layers nobody tells the dashes apart."""
_FAINT = 0.3


def layers_figure(
    layers: Mapping[str, Layer],
    group: str | None = None,
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """All layers of one run; of many, that of `group` stands out. Raises InputError if there is none."""
    if not layers:
        raise InputError("there is no layer to draw: the network has no group of interchangeable units")
    ink, narrow, every = theme_of(theme), layout == "narrow", list(layers.values())
    chosen = layers.get(group or "", every[0]) if len(every) > _DASHED else None
    sheet = Sheet(ink, layers_height(len(every), layout), standalone, layout)
    room = row_room([layer.label for layer in every], layout)
    part = (1.0 - 0.06 - 0.075 - room) / 3
    boxes = columns([(0.0, part), (part + 0.06 + room, 2 * part + 0.06 + room), (1.0 - part, 1.0)], narrow)
    if narrow:
        boxes[1] = (room, 1.0, *boxes[1][2:])
    _connectivity(sheet, boxes[0], every, chosen, ink)
    _spread(sheet, boxes[1], every, chosen, ink)
    _spectra(sheet, boxes[2], every, chosen, ink)
    return sheet.figure()


def _stroke(colour: str, number: int, layer: Layer, chosen: Layer | None) -> dict[str, Any]:
    """How the curve of a layer is drawn: by its dash, or as the chosen one or one of the others."""
    if chosen is None:
        return {"color": colour, "width": 2, "dash": DASHES[number % len(DASHES)]}
    return {"color": colour, "width": 3} if layer is chosen else {"color": faded(colour, _FAINT), "width": 1.2}


def layers_height(layers: int, layout: LayoutName) -> int:
    """Height in pixels of the figure of so many layers."""
    return (1000 if layout == "narrow" else 400) + max(0, layers - _PLAIN_ROWS) * _ROW


def _connectivity(sheet: Sheet, box: Any, every: list[Layer], chosen: Layer | None, ink: Theme) -> None:
    lines: list[tuple[int, Layer, Connectivity, bool]] = []
    for k, layer in enumerate(every):
        lines += [(k, layer, side, side is layer.after) for side in (layer.before, layer.after) if side is not None]
    low = min([0.98, *(float(side.cosine.min()) for _, _, side, _ in lines)])
    panel = sheet.panel(
        box,
        "<b>Feature connectivity</b> along the path",
        path_axis(ink, 0.01),
        {"range": [1 - 1.16 * (1 - low), 1 + 0.06 * (1 - low)], "title": "cosine", "nticks": 7},
    )
    if not lines:
        sheet.note("not measured: no data, or a network that cannot be traced", box[0], box[3], yshift=-20)
    for k, layer, side, after in sorted(lines, key=lambda line: line[1] is chosen):  # the chosen one over the others
        colour, name = (ink.aligned, "aligned") if after else (ink.naive, "naive")
        sheet.add(
            panel,
            mode="lines",
            x=f32(side.t),
            y=f32(side.cosine),
            line=_stroke(colour.mark, k, layer, chosen),
            hovertemplate=f"<b>{name}</b>, {layer.label}<br>t = %{{x:.2f}}<br>cosine %{{y:.3f}}<extra></extra>",
        )
    if chosen is not None:
        sheet.note(f"<b>Thick: {chosen.label}</b>", box[0], box[2], yshift=-44)
    elif len(every) > 1:
        _key(sheet, panel, every, 1 - 1.1 * (1 - low), 0.068 * (1 - low), ink)
    for name, colour, wanted in (("naive", ink.naive, False), ("aligned", ink.aligned, True)):
        named = [(layer, side) for _, layer, side, after in lines if after == wanted]
        lows = [float(side.cosine.min()) for layer, side in named if chosen in (None, layer)]
        if lows:
            sheet.label(panel, (0.5, min(lows)), f"<b>{name}</b>", colour, side="below")


def _key(sheet: Sheet, panel: int, every: list[Layer], bottom: float, line: float, ink: Theme) -> None:
    """Dash → layer, in the lower left corner, where no curve passes."""
    for k, layer in enumerate(every):
        y = bottom + (len(every) - 1 - k) * line
        dash = {"color": ink.grey.mark, "width": 1.6, "dash": DASHES[k]}
        sheet.add(panel, mode="lines", x=[0.0, 0.085], y=[y, y], line=dash)
        grey = {"textposition": "middle right", "textfont": {"color": ink.neutral, "size": 11}}
        sheet.text(panel, 0.1, y, short(layer.label), ink.grey, **grey)


def _spread(sheet: Sheet, box: Any, every: list[Layer], chosen: Layer | None, ink: Theme) -> None:
    panel = sheet.panel(
        box,
        "<b>Spread kept half-way</b>",
        share_axis(1.24),
        row_axis([layer.label for layer in every], chosen=None if chosen is None else every.index(chosen)),
    )
    sides = (("before", 0, -0.15, ink.naive), ("after", 1, 0.15, ink.aligned))
    said = len(every) <= _PLAIN_ROWS  # a hover box would lie on the numbers beside the bars
    for name, side, shift, colour in sides:
        hover = {
            "customdata": [layer.label for layer in every],
            "hovertemplate": f"<b>%{{customdata}}</b>, {name}<br>keeps %{{x:.1%}}<extra></extra>",
        }
        values = np.array([layer.spread[side] for layer in every])
        sheet.add(
            panel,
            type="bar",
            orientation="h",
            x=f32(values),
            y=f32(np.arange(len(every)) + shift),
            width=0.26,
            marker={"color": colour.mark, "line": {"width": 0}},
            **({} if said else hover),
        )
    line = {"color": ink.grey.mark, "width": 1.2, "dash": "2px,3px"}
    sheet.add(panel, mode="lines", x=[0.5, 0.5], y=[-0.5, len(every) - 0.5], line=line)
    if not said:
        return
    for _, side, shift, colour in sides:
        for row, layer in enumerate(every):
            value = layer.spread[side]
            place = float(np.nan_to_num(value)), row + shift
            sheet.label(panel, place, f"{numbers.whole(value)}%", colour, size=12, side="right", along="x")


def _spectra(sheet: Sheet, box: Any, every: list[Layer], chosen: Layer | None, ink: Theme) -> None:
    seen = every[0].dimension.seen is not None
    spectra = [spectrum_of(layer) for layer in every]
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
    curves = [(k, layer, spectrum) for k, (layer, spectrum) in enumerate(zip(every, spectra, strict=True))]
    for k, layer, spectrum in sorted(curves, key=lambda curve: curve[1] is chosen):
        sheet.add(
            panel,
            mode="lines",
            x=f32(np.arange(1, len(spectrum.shares) + 1)),
            y=f32(np.maximum(spectrum.shares, 1e-6)),
            line=_stroke(ink.a.mark, k, layer, chosen),
            hovertemplate=f"<b>{layer.label}</b><br>component %{{x}}<br>%{{y:.2%}} of the total<extra></extra>",
        )
    if len(every) <= _LISTED:
        lines = [f"{short(layer.label, 20)}: {_dimensions([layer])}" for layer in every]
    else:
        lines = [f"{_dimensions(every)}, {len(every)} layers"]
    if chosen is not None:
        lines.append(f"<b>{_dimensions([chosen])}, thick</b>")
    text = "<br>".join(["dimension" + (" (centred)" if seen else ""), *lines])
    font = {"color": ink.a.text, "size": 12}
    sheet.note(text, box[1], box[3], xanchor="right", yanchor="top", yshift=-4, align="right", font=font)


def _dimensions(layers: list[Layer]) -> str:
    """The dimension, or the range of several, with the centred one in brackets."""
    dimensions = [spectrum_of(layer).dimension for layer in layers]
    centred = [layer.dimension.centred.dimension for layer in layers if layer.dimension.centred is not None]
    return numbers.spanned(dimensions) + (f" ({numbers.spanned(centred)})" if centred else "")
