"""The plane through three networks as a relief: the loss is the height."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import Theme, ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plane import LEVELS
from lmc_core.figures.plane_scene import SPLITS, Scene, scene
from lmc_core.figures.standalone import paper
from lmc_core.paths.profile import Profile, Split
from lmc_core.paths.surface import Surface

RELIEF = {"wide": 560, "narrow": 400}
_LIFT = 0.012
"""How far above the ground a path is drawn, in shares of the height, so that it is not buried."""
_EYE = {"wide": {"x": -0.6, "y": -1.35, "z": 0.82}, "narrow": {"x": -0.78, "y": -1.75, "z": 1.06}}
"""Farther away where the figure is narrow, so that nothing is cut at its sides."""


def surface_figure(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    *,
    split: Split = "test",
    theme: ThemeName = "light",
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """The loss as a relief, with both paths lying on it as they were measured."""
    ink = theme_of(theme)
    shown = scene(surface, naive, aligned, split, ink)
    return go.Figure(
        data=[_ground(shown, ink), *_routes(shown), *_corners(shown, ink)],
        layout={
            "template": "none",
            "height": RELIEF[layout],
            "margin": {"l": 0, "r": 0, "t": 6, "b": 0},
            "showlegend": False,
            "scene": _space(shown, ink, layout),
            **paper(ink, standalone),
        },
    )


def _ground(shown: Scene, ink: Theme) -> dict[str, Any]:
    surface, low, high = shown.surface, shown.low, shown.high
    lines = {"show": True, "start": low, "end": high, "size": (high - low) / LEVELS, "color": ink.grey.mark}
    return {
        "type": "surface",
        "x": f32(surface.x),
        "y": f32(surface.y),
        "z": f32(shown.clipped(surface.loss(shown.split))),
        "colorscale": [list(stop) for stop in ink.sequential],
        "cmin": low,
        "cmax": high,
        "showscale": False,
        "contours": {"z": lines},
        "lighting": {"ambient": 0.75, "diffuse": 0.5, "specular": 0.05},
        "hovertemplate": "loss %{z:.3f}<extra></extra>",
    }


def _routes(shown: Scene) -> list[dict[str, Any]]:
    lift = _LIFT * (shown.high - shown.low)
    return [
        {
            "type": "scatter3d",
            "mode": "lines",
            "x": f32(route.x),
            "y": f32(route.y),
            "z": f32(shown.clipped(route.profile.loss(shown.split)) + lift),
            "line": {"color": route.colour.mark, "width": 7, "dash": route.dash},
            "hovertemplate": f"<b>{route.name}</b><br>loss %{{z:.3f}}<extra></extra>",
        }
        for route in shown.routes
    ]


def _corners(shown: Scene, ink: Theme) -> list[dict[str, Any]]:
    lift = 2 * _LIFT * (shown.high - shown.low)
    return [
        {
            "type": "scatter3d",
            "mode": "markers+text",
            "x": [corner.place[0]],
            "y": [corner.place[1]],
            "z": [corner.loss + lift],
            "marker": {"size": 6, "color": corner.colour.mark, "line": {"color": ink.halo, "width": 1}},
            "text": [corner.letter],
            "textposition": "top center",
            "textfont": {"color": corner.colour.text, "size": 14},
            "hovertemplate": f"<b>{corner.letter}</b><br>loss {corner.loss:.3f}<extra></extra>",
        }
        for corner in shown.corners
    ]


def _space(shown: Scene, ink: Theme, layout: Literal["wide", "narrow"]) -> dict[str, Any]:
    """Axes, proportions and the point of view."""
    axis = {
        "gridcolor": ink.rail,
        "showbackground": False,
        "zeroline": False,
        "tickfont": {"size": 10, "color": ink.ticks},
    }
    titled = {"xaxis": "towards B", "yaxis": f"towards {shown.third}", "zaxis": f"{SPLITS[shown.split]} loss"}
    wide, deep = float(np.ptp(shown.surface.x)), float(np.ptp(shown.surface.y))
    longest = max(wide, deep)
    eye = dict(_EYE[layout])
    if shown.third == "C":  # it may stand behind a mountain that rises between all three
        eye["z"] *= 1.7
    return {
        "aspectmode": "manual",
        "aspectratio": {"x": 1.25 * wide / longest, "y": 1.25 * deep / longest, "z": 0.62},
        "camera": {"eye": eye, "center": {"x": 0, "y": 0, "z": -0.2}},
        **{
            name: axis | {"title": {"text": said, "font": {"size": 11, "color": ink.neutral}}}
            for name, said in titled.items()
        },
    }
