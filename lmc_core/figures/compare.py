"""Paths of several methods: loss and accuracy of one pair, or one panel for each of several pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import Theme, ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import MARGIN, Box, Sheet, columns
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Metric, Profile, Split

Layout = Literal["wide", "narrow"]
AxisKind = Literal["linear", "log"]

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "triangle-up", "cross", "star", "triangle-down", "pentagon", "hexagon", "x", "hourglass")
NAIVE = "identity"
NAMED: Mapping[str, str] = {"test": "test", "train": "training"}
COLUMNS = {"wide": 3, "narrow": 1}
PANEL = {"wide": 230, "narrow": 190}
"""Pixels of one of several panels."""
_ONE = {"wide": 350, "narrow": 680}
_ROW, _FOOT, _BETWEEN = 21, 40, 58
"""Pixels of a row of the legend, of the ticks above it, and between two rows of panels."""
_ENTRY, _LETTER = 52, 6.6
_ACROSS = {"wide": 1000, "narrow": 300}


def compare_height(pairs: int, methods: Sequence[str], layout: Layout) -> int:
    """Pixels of `compare_figure`."""
    rows = -(-pairs // COLUMNS[layout])
    inner = _ONE[layout] if pairs == 1 else rows * PANEL[layout] + (rows - 1) * _BETWEEN
    return MARGIN[1] + inner + _below(methods, layout)


def compare_figure(
    pairs: Mapping[str, Mapping[str, Profile]],
    *,
    metric: Metric = "loss",
    split: Split = "test",
    axis: AxisKind = "linear",
    theme: ThemeName = "light",
    layout: Layout = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Every path; `pairs`: name of the pair → name of the method → path. The axes are the same for all pairs.

    metric   of several pairs one of the two is shown; of one pair both are
    """
    ink = theme_of(theme)
    methods = [name for name in METHODS if any(name in profiles for profiles in pairs.values())]
    sheet = Sheet(ink, compare_height(len(pairs), methods, layout), standalone)
    every = [profile for profiles in pairs.values() for profile in profiles.values()]
    scales: dict[Metric, dict[str, Any]] = {"loss": _losses(every, split, axis), "accuracy": _accuracies(every, split)}
    if len(pairs) == 1:
        (profiles,) = pairs.values()
        titles: list[tuple[str, Metric]] = [("Loss", "loss"), ("Accuracy", "accuracy")]
        panels = [(f"<b>{said}</b>, {NAMED[split]}", profiles, shown) for said, shown in titles]
        boxes = columns([(0.0, 0.46), (0.54, 1.0)], layout == "narrow", gap=0.14)
    else:
        panels = [(f"<b>{name}</b>", profiles, metric) for name, profiles in pairs.items()]
        boxes = _grid(len(pairs), layout)
    listed: set[str] = set()  # each method is named once in the legend, by the first panel that has it
    for (title, profiles, shown), box in zip(panels, boxes, strict=True):
        panel = sheet.panel(box, title, _across(ink), scales[shown])
        for name in (name for name in methods if name in profiles):
            _curve(sheet, panel, name, profiles[name], shown, split, theme, legend=name not in listed)
            listed.add(name)
    return _with_legend(sheet, methods, layout, ink)


def style(name: str, theme: ThemeName = "light") -> dict[str, str]:
    """Colour, dash and symbol of a method: naive keeps the colour of the naive path, the others follow the list."""
    ink = theme_of(theme)
    if name == NAIVE:
        return {"color": ink.naive.mark, "dash": "solid", "symbol": "diamond"}
    place = [known for known in METHODS if known != NAIVE].index(name)
    round_ = place // len(ink.methods)
    return {
        "color": ink.methods[place % len(ink.methods)],
        "dash": DASHES[(place + round_) % len(DASHES)],
        "symbol": SYMBOLS[place % len(SYMBOLS)],
    }


def _grid(number: int, layout: Layout) -> list[Box]:
    """Boxes of several panels, row by row."""
    across = COLUMNS[layout]
    rows = -(-number // across)
    height = rows * PANEL[layout] + (rows - 1) * _BETWEEN
    wide = (1 - 0.06 * (across - 1)) / across
    boxes = []
    for k in range(number):
        row, column = divmod(k, across)
        top = 1 - row * (PANEL[layout] + _BETWEEN) / height
        left = column * (wide + 0.06)
        boxes.append((left, min(1.0, left + wide), max(0.0, top - PANEL[layout] / height), top))
    return boxes


def _across(ink: Theme) -> dict[str, Any]:
    ends = [f"<b style='color:{end.text}'>{name}</b>" for name, end in (("A", ink.a), ("B", ink.b))]
    return {
        "range": [-0.03, 1.03],
        "tickmode": "array",
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "ticktext": [ends[0], "¼", "½", "¾", ends[1]],
    }


def _losses(profiles: Sequence[Profile], split: Split, axis: AxisKind) -> dict[str, Any]:
    losses = np.concatenate([p.loss(split) for p in profiles]) if profiles else np.ones(1)
    losses = losses[np.isfinite(losses)]
    top = float(losses.max(initial=1e-3))
    if axis == "linear":
        return {"range": [-0.04 * top, 1.08 * top], "nticks": 6}
    low = max(float(losses.min(initial=top)), 1e-4 * top)
    bounds = [float(np.log10(low / 1.15)), float(np.log10(top * 1.15))]
    values = [digit * 10.0**k for k in range(-6, 7) for digit in (1, 2, 5)]
    values = [value for value in values if bounds[0] <= np.log10(value) <= bounds[1]]
    return {"type": "log", "range": bounds, "tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def _accuracies(profiles: Sequence[Profile], split: Split) -> dict[str, Any]:
    worst = min((float(np.nanmin(p.accuracy(split))) for p in profiles), default=0.0)
    return {"range": [worst - 0.06 * (1.02 - worst), 1.02], "tickformat": ".0%", "nticks": 6}


def _curve(
    sheet: Sheet, panel: int, name: str, profile: Profile, metric: Metric, split: Split, theme: ThemeName, legend: bool
) -> None:
    look, title = style(name, theme), METHODS[name].title
    values = profile.values[split][metric]
    far = 10 * float(values[np.isfinite(values)].max(initial=1.0))  # where nothing finite was measured
    said = "loss %{y:.3f}" if metric == "loss" else "accuracy %{y:.1%}"
    sheet.add(
        panel,
        mode="lines+markers",
        x=f32(profile.t),
        y=f32(np.nan_to_num(values, nan=far, posinf=far)),
        line={"color": look["color"], "width": 2.2, "dash": look["dash"]},
        marker={
            "color": look["color"],
            "symbol": look["symbol"],
            "size": 7,
            "maxdisplayed": 7,
            "line": {"color": sheet.theme.halo, "width": 0.8},
        },
        name=title,
        legendgroup=name,
        showlegend=legend,
        hovertemplate=f"<b>{title}</b><br>t = %{{x:.2f}}<br>{said}<extra></extra>",
    )


def _below(methods: Sequence[str], layout: Layout) -> int:
    """Pixels under the panels: ticks, and as many rows of the legend as its entries need."""
    rows, left = 1, float(_ACROSS[layout])
    for name in methods:
        need = _ENTRY + _LETTER * len(METHODS[name].title)
        if need > left and left < _ACROSS[layout]:
            rows, left = rows + 1, float(_ACROSS[layout])
        left -= need
    return _FOOT + rows * _ROW


def _with_legend(sheet: Sheet, methods: Sequence[str], layout: Layout, ink: Theme) -> go.Figure:
    figure = sheet.figure()
    below = _below(methods, layout)
    legend = {
        "orientation": "h",
        "x": 0,
        "y": 0,
        "yref": "container",
        "yanchor": "bottom",
        "font": {"size": 12, "color": ink.neutral},
        "itemclick": "toggle",
        "bgcolor": "rgba(0,0,0,0)",
    }
    figure.update_layout(showlegend=True, legend=legend, margin={"b": below})
    return figure
