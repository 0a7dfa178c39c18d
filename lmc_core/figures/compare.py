"""Paths of several methods: loss and accuracy of one pair, or one panel for each of several pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.figures.palette import Theme, ThemeName, method_look, theme_of
from lmc_core.figures.sheet import (
    LEGEND_ROW,
    MARGIN,
    Box,
    LayoutName,
    Sheet,
    columns,
    f32,
    legend_look,
    legend_rows,
    log_axis,
    path_axis,
    row_axis,
)
from lmc_core.figures.sketch import ENDS, INK, Curve, Sketch, axis_top, shares
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Metric, Profile, Split
from lmc_core.words import numbers
from lmc_core.words.compare import NAIVE, Profiles, mean_barriers
from lmc_core.words.measures import measures

AxisKind = Literal["linear", "log"]

NAMED: Mapping[str, str] = {"test": "test", "train": "training"}
COLUMNS = {"wide": 3, "narrow": 1}
PANEL = {"wide": 230, "narrow": 190}
"""Pixels of one of several panels."""
_ONE = {"wide": 350, "narrow": 680}
_FOOT, _BETWEEN = 40, 58
"""Pixels of the ticks above the legend, and between two rows of panels."""


_DEEP = 1e-4
"""Share of the largest loss that a logarithmic axis of losses reaches down to at most."""
_ROW, _FLOOR = 36, 1e-3
"""Pixels of a method in the chart of barriers; barriers below this are drawn there, on the logarithmic axis."""
_AIR = 1.4
"""Times the barriers at either end to which the axis reaches beyond them, so that their marks are whole."""
MORE = 1.5
"""The curves are drawn on a logarithmic axis where they then lie so many times as far apart."""
_NAME, _NAME_LETTER = 20, 6.2
"""Letters of a line of a method's name, and pixels of one of them."""


def barriers_height(methods: int) -> int:
    """Pixels of `barriers_figure`."""
    return MARGIN[1] + MARGIN[3] + _ROW * methods


def barriers_figure(
    pairs: Mapping[str, Mapping[str, Profile]],
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """The test-loss barrier that every method leaves: its mean over all pairs, and of several pairs each one's."""
    ink = theme_of(theme)
    means = mean_barriers(list(pairs.values()))
    ordered = sorted(means, key=lambda name: means[name])
    sheet = Sheet(ink, barriers_height(len(ordered)), standalone)
    found = {name: [paths[name].barrier() for paths in pairs.values() if name in paths] for name in ordered}
    top = max([_FLOOR * 10, *(value for values in found.values() for value in values if np.isfinite(value))])
    room = (_NAME_LETTER * _NAME + 14) / {"wide": 684, "narrow": 306}[layout]
    across = log_axis(_FLOOR / _AIR, top * _AIR)
    if layout == "narrow":
        across["tickvals"] = [value for value in across["tickvals"] if np.isclose(np.log10(value) % 1, [0, 1]).any()]
    across["ticktext"] = [("≤" if value <= _FLOOR else "") + f"{value:g}" for value in across["tickvals"]]
    rows = row_axis(ordered) | {"ticktext": ["<br>".join(wrap(METHODS[name].title, _NAME)) for name in ordered]}
    title = "<b>Barrier</b>, test loss"
    if layout == "wide":
        title = "<b>Barrier per method</b>, test loss" + (", mean and every pair" if len(pairs) > 1 else "")
    panel = sheet.panel((room, 1.0, 0.0, 1.0), title, across | {"type": "log"}, rows)
    for row, name in enumerate(ordered):
        look, values = method_look(name, ink), [max(value, _FLOOR) for value in found[name]]
        if len(values) > 1:
            line = {"color": ink.grey.mark, "width": 1}
            sheet.add(panel, mode="lines", x=f32([min(values), max(values)]), y=[row, row], line=line)
            small = {"color": look.colour, "symbol": look.symbol, "size": 6, "opacity": 0.5}
            said = [f"{pair}: {numbers.loss(v)}" for pair, v in zip(pairs, found[name], strict=False)]
            hover = "%{customdata}<extra></extra>"
            places = {"x": f32(values), "y": [row] * len(values), "customdata": said}
            sheet.add(panel, mode="markers", marker=small, hovertemplate=hover, **places)
        marker = {"color": look.colour, "symbol": look.symbol, "size": 11}
        hover = f"<b>{METHODS[name].title}</b><br>barrier {numbers.loss(means[name])}<extra></extra>"
        sheet.add(panel, mode="markers", x=f32([max(means[name], _FLOOR)]), y=[row], marker=marker, hovertemplate=hover)
    return sheet.figure()


def compare_height(pairs: int, methods: Sequence[str], layout: LayoutName) -> int:
    """Pixels of `compare_figure`."""
    return MARGIN[1] + _inner(pairs, layout) + _below(methods, layout)


def _inner(pairs: int, layout: LayoutName) -> int:
    """Pixels from the top of the highest panel to the foot of the lowest."""
    rows = -(-pairs // COLUMNS[layout])
    return _ONE[layout] if pairs == 1 else rows * PANEL[layout] + (rows - 1) * _BETWEEN


def compare_figure(
    pairs: Mapping[str, Mapping[str, Profile]],
    *,
    metric: Metric = "loss",
    split: Split = "test",
    axis: AxisKind | None = None,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Every path; `pairs`: name of the pair → name of the method → path. The axes are the same for all pairs.

    metric   of several pairs one of the two is shown; of one pair both are
    axis     of the loss; None: the one that separates the curves
    """
    ink, axis = theme_of(theme), axis or separating(pairs, split)
    methods = [name for name in METHODS if any(name in profiles for profiles in pairs.values())]
    sheet = Sheet(ink, compare_height(len(pairs), methods, layout), standalone)
    every = [profile for profiles in pairs.values() for profile in profiles.values()]
    scales: dict[Metric, dict[str, Any]] = {"loss": _losses(every, split, axis), "accuracy": _accuracies(every, split)}
    if len(pairs) == 1:
        (profiles,) = pairs.values()
        titles: list[tuple[str, Metric]] = [("Loss", "loss"), (measures(every).title, "accuracy")]
        panels = [(f"<b>{words}</b>, {NAMED[split]}", profiles, shown) for words, shown in titles]
        boxes = columns([(0.0, 0.46), (0.54, 1.0)], layout == "narrow", gap=0.14)
    else:
        panels = [(f"<b>{name}</b>", profiles, metric) for name, profiles in pairs.items()]
        boxes = _grid(len(pairs), layout)
    listed: set[str] = set()  # each method is named once in the legend, by the first panel that has it
    for (title, profiles, shown), box in zip(panels, boxes, strict=True):
        panel = sheet.panel(box, title, path_axis(ink), scales[shown])
        for name in (name for name in methods if name in profiles):
            _curve(sheet, panel, name, profiles[name], shown, split, legend=name not in listed)
            listed.add(name)
    return _with_legend(sheet, len(pairs), methods, layout, ink)


def _grid(number: int, layout: LayoutName) -> list[Box]:
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


def _losses(profiles: Sequence[Profile], split: Split, axis: AxisKind) -> dict[str, Any]:
    losses = np.concatenate([p.loss(split) for p in profiles]) if profiles else np.ones(1)
    losses = losses[np.isfinite(losses)]
    top = float(losses.max(initial=1e-3))
    if axis == "linear":
        return {"range": [-0.04 * top, 1.08 * top], "nticks": 6}
    return log_axis(max(float(losses.min(initial=top)), _DEEP * top), top)


def separating(pairs: Mapping[str, Mapping[str, Profile]], split: Split = "test") -> AxisKind:
    """The loss axis on which the curves of a pair lie further apart, as a share of its length.

    Distances are the median over every two curves, and the mean over the path. Linear, unless a logarithmic axis has
    them MORE times as far apart.
    """
    apart: dict[AxisKind, list[float]] = {"linear": [], "log": []}
    for profiles in pairs.values():
        curves = [p.loss(split) for p in profiles.values()]
        losses = np.stack([y for y in curves if len(y) == len(curves[0])]) if curves else np.ones((0, 1))
        losses = losses[np.isfinite(losses).all(1)]
        one, other = np.triu_indices(len(losses), 1)
        if not len(one):
            continue
        shown = np.maximum(losses, _DEEP * losses.max(initial=1e-3))
        scales: dict[AxisKind, NDArray[np.float64]] = {"linear": losses, "log": np.log10(shown)}
        for kind, places in scales.items():
            size = float(np.ptp(places)) or 1.0
            apart[kind].append(float(np.median(np.abs(places[one] - places[other]), axis=0).mean()) / size)
    linear, log = (float(np.mean(values)) if values else 0.0 for values in apart.values())
    return "log" if log > MORE * linear else "linear"


def _accuracies(profiles: Sequence[Profile], split: Split) -> dict[str, Any]:
    worst = min((float(np.nanmin(p.accuracy(split))) for p in profiles), default=0.0)
    return {"range": [worst - 0.06 * (1.02 - worst), 1.02], "tickformat": ".0%", "nticks": 6}


def _curve(sheet: Sheet, panel: int, name: str, profile: Profile, metric: Metric, split: Split, legend: bool) -> None:
    look, title = method_look(name, sheet.theme), METHODS[name].title
    values = profile.values[split][metric]
    far = 10 * float(values[np.isfinite(values)].max(initial=1.0))  # where nothing finite was measured
    value = "loss %{y:.3f}" if metric == "loss" else f"{measures([profile]).score} %{{y:.1%}}"
    sheet.add(
        panel,
        mode="lines+markers",
        x=f32(profile.t),
        y=f32(np.nan_to_num(values, nan=far, posinf=far)),
        line={"color": look.colour, "width": 2.2, "dash": look.dash},
        marker={
            "color": look.colour,
            "symbol": look.symbol,
            "size": 7,
            "maxdisplayed": 7,
            "line": {"color": sheet.theme.halo, "width": 0.8},
        },
        name=title,
        legendgroup=name,
        showlegend=legend,
        hovertemplate=f"<b>{title}</b><br>t = %{{x:.2f}}<br>{value}<extra></extra>",
    )


def _below(methods: Sequence[str], layout: LayoutName) -> int:
    """Pixels under the panels: ticks, and as many rows of the legend as its entries need."""
    return _FOOT + LEGEND_ROW * legend_rows([METHODS[name].title for name in methods], layout)


def _with_legend(sheet: Sheet, pairs: int, methods: Sequence[str], layout: LayoutName, ink: Theme) -> go.Figure:
    figure = sheet.figure()
    below = _below(methods, layout)
    legend = {
        "orientation": "h",
        "x": 0,
        "y": -_FOOT / _inner(pairs, layout),
        "yanchor": "top",
        "itemclick": "toggle",
        **legend_look(ink),
    }
    figure.update_layout(showlegend=True, legend=legend, margin={"b": below})
    return figure


def compare_sketch(pairs: Sequence[Profiles]) -> Sketch:
    """The path of every method, on every pair."""
    every = [(name, profile) for profiles in pairs for name, profile in profiles.items()]
    if not every:
        return Sketch(alt="No method could align these networks.")
    top = axis_top(*(profile.loss() for _, profile in every))
    barriers = mean_barriers(pairs)
    best = min(barriers, key=lambda name: barriers[name])
    named = [(name, barriers[name]) for name in dict.fromkeys((NAIVE, best)) if name in barriers]
    least = numbers.loss(barriers[best])
    lines = numbers.counted(len(barriers), "method")
    return Sketch(
        alt=f"Test loss along the paths of {lines}; the smallest barrier is {least}.",
        curves=tuple(Curve(p.t, shares(p.loss(), top), method_look(name, INK).colour, 2.0) for name, p in every),
        below=ENDS,
        numbers=tuple(
            (f"{METHODS[name].title}: {numbers.loss(value)}", method_look(name, INK).colour) for name, value in named
        ),
    )
