"""What the theory speaks of: the gap and its bound, transport costs and dimensions; and the same over widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.gap import Gap
from lmc_core.diagnostics.matching import Matching
from lmc_core.diagnostics.width import Scaling
from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import LAYER_DASHES, Theme, ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import Sheet, columns, short
from lmc_core.figures.theory_words import dimension_of

_ROW, _PLAIN_ROWS = 40, 6
_LEAST = 1e-3
"""Losses below this are drawn there on the logarithmic axis."""


def theory_height(layers: int, layout: Literal["wide", "narrow"]) -> int:
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
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """One pair: barrier and bound along the path, distances and dimensions per layer."""
    ink, narrow = theme_of(theme), layout == "narrow"
    sheet = Sheet(ink, theory_height(len(layers), layout), standalone)
    boxes = columns([(0.0, 0.27), (0.385, 0.655), (0.765, 1.0)], narrow)
    if narrow:
        boxes[1:] = [(0.14, 1.0, *box[2:]) for box in boxes[1:]]
    _bound(sheet, boxes[0], naive, aligned, ink)
    _costs(sheet, boxes[1], list(matching.values()), ink)
    _dimensions(sheet, boxes[2], list(layers.values()), ink)
    return sheet.figure()


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
    ink, narrow = theme_of(theme), layout == "narrow"
    sheet = Sheet(ink, 800 if narrow else 430, standalone)
    boxes = columns([(0.0, 0.44), (0.56, 1.0)], narrow, gap=0.14)
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
    for name, values, colour, symbol, place in (
        ("naive", naive, ink.naive, "diamond", "top center"),
        ("aligned", aligned, ink.aligned, "circle", "bottom center"),
    ):
        sheet.add(
            panel,
            mode="lines+markers",
            x=f32(widths),
            y=f32(values),
            line={"color": colour.mark, "width": 2.6},
            marker={"color": colour.mark, "size": 9, "symbol": symbol, "line": {"color": ink.halo, "width": 1.5}},
            hovertemplate=f"<b>{name}</b><br>width %{{x:.0f}}<br>barrier %{{y:.3f}}<extra></extra>",
        )
        middle = len(widths) // 2
        where = "top center" if place == "top center" or values[middle] < 0.12 * top else place
        sheet.add(
            panel,
            mode="text",
            x=[widths[middle]],
            y=[values[middle] + 0.02 * top],
            text=[f"<b>{name}</b>"],
            textposition=where,
            textfont={"color": colour.text, "size": 13},
        )
    _scaling(sheet, boxes[1], across, scalings, seen, ink)
    return sheet.figure()


def _bound(sheet: Sheet, box: Any, naive: Gap, aligned: Gap, ink: Theme) -> None:
    top = max(float(g.bound.max()) for g in (naive, aligned)) or 1.0
    ends = [f"<b style='color:{end.text}'>{name}</b>" for name, end in (("A", ink.a), ("B", ink.b))]
    panel = sheet.panel(
        box,
        "<b>Loss above the chord</b>, and its bound",
        {
            "range": [-0.02, 1.02],
            "tickmode": "array",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": [ends[0], "¼", "½", "¾", ends[1]],
        },
        {
            "type": "log",
            "range": [float(np.log10(_LEAST)), float(np.log10(3 * top))],
            "tickvals": [0.001, 0.01, 0.1, 1, 10, 100],
            "ticktext": ["≤0.001", "0.01", "0.1", "1", "10", "100"],
        },
    )
    for name, gap, colour in (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned)):
        inner = slice(1, -1)
        for said, values, dash, width in (
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
                hovertemplate=f"<b>{name}</b>, {said}<br>t = %{{x:.2f}}<br>%{{customdata:.3f}}<extra></extra>",
            )
        at = len(gap.t) // 2
        sheet.add(
            panel,
            mode="text",
            x=[0.5],
            y=f32([max(float(gap.bound[at]), _LEAST)]),
            text=[f"<b>{name}</b>, bound"],
            textposition="top center",
            textfont={"color": colour.text, "size": 12},
        )


def _costs(sheet: Sheet, box: Any, every: list[Matching], ink: Theme) -> None:
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
        {"range": [0, 1.08], "tickmode": "array", "tickvals": [0, 0.5, 1], "ticktext": ["0%", "50%", "100%"]},
        {
            "range": [len(drawn) - 0.4, -0.6],
            "tickmode": "array",
            "tickvals": list(range(len(drawn))),
            "ticktext": [f"{short(m.label, 8)} {name}" for m, name, _ in drawn],
        },
    )
    for k, (m, name, cost) in enumerate(drawn):
        best = cost.best if cost.best is not None else cost.after
        share, least = cost.after / cost.before, best / cost.before
        sheet.add(panel, mode="lines", x=[min(share, least), 1.0], y=[k, k], line={"color": ink.grey.mark, "width": 1})
        for said, x, colour, symbol, size in (
            ("trained order", 1.0, ink.naive, "diamond", 9),
            ("aligned", share, ink.aligned, "circle", 10),
            ("W₂², the least possible", least, ink.grey, "line-ns-open", 13),
        ):
            value = {"trained order": cost.before, "aligned": cost.after}.get(said, best)
            sheet.add(
                panel,
                mode="markers",
                x=[x],
                y=[k],
                marker={
                    "color": colour.mark,
                    "size": size,
                    "symbol": symbol,
                    "line": {"color": colour.mark, "width": 1.6},
                },
                hovertemplate=f"<b>{m.label}</b>, {name}<br>{said}: {value:.4g} (%{{x:.0%}})<extra></extra>",
            )
    sheet.note(
        f"<span style='color:{ink.naive.text}'>◆ naive</span>  "
        f"<span style='color:{ink.aligned.text}'>● aligned</span>  | least possible, W₂²",
        box[0],
        box[2],
        yshift=-40,
    )


def _dimensions(sheet: Sheet, box: Any, every: list[Layer], ink: Theme) -> None:
    most = max((min(x.dimension.units, x.dimension.features) for x in every), default=1)
    panel = sheet.panel(
        box,
        "<b>Dimension</b> of A's weights",
        {
            "type": "log",
            "range": [-0.1, float(np.log10(max(most, 2) * 2.2))],
            "tickvals": [1, 10, 100, 1000],
            "ticktext": ["1", "10", "100", "1000"],
        },
        {
            "range": [len(every) - 0.4, -0.6],
            "tickmode": "array",
            "tickvals": list(range(len(every))),
            "ticktext": [short(x.label, 8) for x in every],
        },
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
            sheet.add(
                panel,
                mode="markers",
                x=f32([value]),
                y=[k],
                marker={
                    "color": colour.mark,
                    "size": size,
                    "symbol": symbol,
                    "line": {"color": colour.mark, "width": 1.6},
                },
                hovertemplate=f"<b>{layer.label}</b>, {name}<br>dimension {value:.1f}<extra></extra>",
            )
    blue = f"<span style='color:{ink.a.text}'>● seen  ○ centred</span>"
    sheet.note(f"| of W  {blue}", box[0], box[2], yshift=-40)


def _scaling(
    sheet: Sheet, box: Any, across: dict[str, Any], scalings: Mapping[str, Scaling], seen: bool, ink: Theme
) -> None:
    values = np.concatenate([s.costs for s in scalings.values()]) if scalings else np.ones(1)
    low, high = float(np.log10(max(values.min(), 1e-6) / 1.5)), float(np.log10(max(values.max(), 1e-6) * 1.6))
    panel = sheet.panel(
        box,
        f"<b>W₂²</b> of W{' Σ<sup>½</sup>' if seen else ''}, relative to the size of the units",
        across,
        {
            "type": "log",
            "range": [low - 0.35 * (high - low), high],
            "tickvals": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
            "ticktext": ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"],
        },
    )
    for k, (label, s) in enumerate(scalings.items()):
        sheet.add(
            panel,
            mode="lines+markers",
            x=f32(s.widths),
            y=f32(s.costs),
            line={"color": ink.aligned.mark, "width": 2.2, "dash": LAYER_DASHES[k % len(LAYER_DASHES)]},
            marker={"color": ink.aligned.mark, "size": 8, "line": {"color": ink.halo, "width": 1.2}},
            hovertemplate=f"<b>{label}</b><br>width %{{x:.0f}}<br>W₂² %{{y:.3f}}<extra></extra>",
        )
    lines = []
    for k, (label, s) in enumerate(scalings.items()):
        implied = f", d ≈ {s.dimension:.1f}" if s.dimension is not None else ""
        dash = ("━━", "╸╸", "┅┅", "╸·", "━╸", "━·")[k % len(LAYER_DASHES)]
        lines.append(f"{dash} {label}: slope {s.slope:.2f}{implied}".replace("-", "−"))
    font = {"color": ink.aligned.text, "size": 12}
    sheet.note("<br>".join(lines), box[0], box[2], xshift=8, yshift=6, align="left", font=font)
