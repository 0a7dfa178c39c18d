"""Paths of several methods in one picture: colour, dash and symbol per method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import Sheet, columns
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile

HEIGHTS = {"wide": 470, "narrow": 1000}
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "triangle-up", "cross", "star", "triangle-down", "pentagon", "hexagon", "x", "hourglass")
NAIVE = "identity"


def compare_figure(
    profiles: Mapping[str, Profile],
    *,
    split: Literal["test", "train"] = "test",
    axis: Literal["linear", "log"] = "linear",
    theme: ThemeName = "light",
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Loss and accuracy along every path; `profiles` by name of the method, in any order."""
    ink, narrow = theme_of(theme), layout == "narrow"
    sheet = Sheet(ink, HEIGHTS[layout], standalone)
    losses = np.concatenate([p.loss(split) for p in profiles.values()]) if profiles else np.ones(1)
    losses = losses[np.isfinite(losses)]
    top = float(losses.max(initial=1e-3))
    low = max(float(losses.min(initial=top)), 1e-4 * top)
    losses_axis: dict[str, Any] = {"range": [-0.04 * top, 1.08 * top], "nticks": 6}
    if axis == "log":
        losses_axis = {"type": "log", "range": [float(np.log10(low / 1.1)), float(np.log10(top * 1.15))], "dtick": "D2"}
    worst = min((float(np.nanmin(p.accuracy(split))) for p in profiles.values()), default=0.0)
    ends = [f"<b style='color:{end.text}'>{name}</b>" for name, end in (("A", ink.a), ("B", ink.b))]
    across: dict[str, Any] = {
        "range": [-0.03, 1.03],
        "tickmode": "array",
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "ticktext": [ends[0], "¼", "½", "¾", ends[1]],
    }
    boxes = columns([(0.0, 0.46), (0.54, 1.0)], narrow)
    named = {"test": "test", "train": "training"}[split]
    panels = (
        sheet.panel(boxes[0], f"<b>Loss</b>, {named}", across, losses_axis),
        sheet.panel(
            boxes[1],
            f"<b>Accuracy</b>, {named}",
            across,
            {"range": [worst - 0.06 * (1.02 - worst), 1.02], "tickformat": ".0%"},
        ),
    )
    for name in [name for name in METHODS if name in profiles]:
        profile, look = profiles[name], style(name, theme)
        for panel, values, said in (
            (panels[0], profile.loss(split), "loss %{y:.3f}"),
            (panels[1], profile.accuracy(split), "accuracy %{y:.1%}"),
        ):
            sheet.add(
                panel,
                mode="lines+markers",
                x=f32(profile.t),
                y=f32(np.nan_to_num(values, nan=10 * top, posinf=10 * top)),
                line={"color": look["color"], "width": 2.2, "dash": look["dash"]},
                marker={
                    "color": look["color"],
                    "symbol": look["symbol"],
                    "size": 7,
                    "maxdisplayed": 7,
                    "line": {"color": ink.halo, "width": 0.8},
                },
                name=METHODS[name].title,
                legendgroup=name,
                showlegend=panel == panels[0],
                hovertemplate=f"<b>{METHODS[name].title}</b><br>t = %{{x:.2f}}<br>{said}<extra></extra>",
            )
    figure = sheet.figure()
    figure.update_layout(
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": -0.1 if not narrow else -0.05,
            "yanchor": "top",
            "font": {"size": 12, "color": ink.neutral},
            "itemclick": "toggle",
            "bgcolor": "rgba(0,0,0,0)",
        },
        margin={"b": 120 if not narrow else 280},
    )
    return figure


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
