"""The plane through three networks as a relief: loss or accuracy is the height."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.figures.palette import Theme, ThemeName, theme_of
from lmc_core.figures.plane.maps import LEVELS, scale, sizes
from lmc_core.figures.plane.scene import SPLITS, Scene, scene
from lmc_core.figures.sheet import LayoutName, canvas, f32
from lmc_core.paths.profile import Metric, Profile, Split
from lmc_core.paths.surface import Surface

Point3 = tuple[float, float, float]
RELIEF = {"wide": 560, "narrow": 400}
FORMATS: Mapping[Metric, str] = {"loss": ".3f", "accuracy": ".1%"}
_LIFT = 0.012
"""How far above the ground a path is drawn, in shares of the height, so that it is not buried."""
TALL = 3.0
"""Losses are drawn as high as they are up to so many times the range of the colours: a summit has its shape."""
_EYE = {"wide": {"x": -0.6, "y": -1.35, "z": 0.82}, "narrow": {"x": -0.78, "y": -1.75, "z": 1.06}}
"""Farther away where the figure is narrow, so that nothing is cut at its sides."""


def relief_figure(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    *,
    across: Profile | None = None,
    metric: Metric = "loss",
    split: Split = "test",
    eye: Point3 | None = None,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Loss or accuracy as a relief, with the paths lying on it as they were measured.

    eye   where it is seen from, in sizes of the relief; by default from before A and B
    """
    ink = theme_of(theme)
    shown = scene(surface, naive, aligned, split, ink, across)
    return go.Figure(
        data=[
            _ground(shown, metric, ink),
            *_routes(shown, metric),
            *_walk(shown, metric, ink),
            *_corners(shown, metric, ink),
        ],
        layout={
            **canvas(ink, RELIEF[layout], (0, 6, 0, 0), standalone),
            "dragmode": "turntable",
            "scene": _space(shown, metric, ink, layout, eye),
        },
    )


def _ground(shown: Scene, metric: Metric, ink: Theme) -> dict[str, Any]:
    surface, (low, high) = shown.surface, shown.bounds(metric)
    lines = {"show": True, "start": low, "end": high, "size": (high - low) / LEVELS, "color": ink.grey.mark}
    more = "" if metric == "accuracy" or np.nanmax(surface.values[shown.split][metric]) <= high else " and more"
    ticks = np.linspace(low, high, 5)
    words = [f"{tick:.0%}" if metric == "accuracy" else f"{tick:.2f}" for tick in ticks]
    bar = {
        "thickness": 9,
        "len": 0.62,
        "x": 1.0,
        "xanchor": "right",
        "outlinewidth": 0,
        "tickfont": {"size": 11, "color": ink.ticks},
        "tickvals": ticks.tolist(),
        "ticktext": [*words[:-1], words[-1] + more],
        "title": {"text": shown.measures.name(metric), "font": {"size": 11, "color": ink.neutral}},
    }
    return {
        "type": "surface",
        "x": f32(surface.x),
        "y": f32(surface.y),
        "z": f32(_height(shown, metric)),
        "colorscale": scale(ink, metric),
        "cmin": low,
        "cmax": high,
        "colorbar": bar,
        "contours": {"z": lines},
        "lighting": {"ambient": 0.75, "diffuse": 0.5, "specular": 0.05},
        "hovertemplate": f"{shown.measures.name(metric)} %{{z:{FORMATS[metric]}}}<extra></extra>",
    }


def _height(shown: Scene, metric: Metric) -> NDArray[np.float64]:
    """The ground: accuracy as it is; losses too, up to `TALL`."""
    values = shown.surface.values[shown.split][metric]
    if metric == "accuracy":
        return shown.drawn(values, metric)
    top = shown.low + TALL * (shown.high - shown.low)
    return np.clip(np.nan_to_num(values, nan=top, posinf=top), shown.low, top)


def _routes(shown: Scene, metric: Metric) -> list[dict[str, Any]]:
    lift = _lift(shown, metric)
    return [
        {
            "type": "scatter3d",
            "mode": "lines",
            "x": f32(route.x),
            "y": f32(route.y),
            "z": f32(shown.drawn(route.profile.values[shown.split][metric], metric) + lift),
            "line": {"color": route.colour.mark, "width": 7, "dash": route.dash},
            "hovertemplate": f"<b>{route.name}</b><br>{metric} %{{z:{FORMATS[metric]}}}<extra></extra>",
        }
        for route in shown.routes
    ]


def _walk(shown: Scene, metric: Metric, ink: Theme) -> list[dict[str, Any]]:
    """The training run, as high as its checkpoints themselves, which do not lie on the ground."""
    walked = shown.surface.trajectory
    if walked is None:
        return []
    return [
        {
            "type": "scatter3d",
            "mode": "lines+markers",
            "x": f32(walked.x),
            "y": f32(walked.y),
            "z": f32(shown.drawn(walked.values[shown.split][metric], metric) + _lift(shown, metric)),
            "text": list(walked.names),
            "line": {"color": ink.neutral, "width": 5},
            "marker": {"size": [size / 2 for size in sizes(len(walked.x))], "color": ink.neutral},
            "hovertemplate": f"<b>Training</b>, %{{text}}<br>{metric} %{{z:{FORMATS[metric]}}}<extra></extra>",
        }
    ]


def _corners(shown: Scene, metric: Metric, ink: Theme) -> list[dict[str, Any]]:
    lift = 2 * _lift(shown, metric)
    return [
        {
            "type": "scatter3d",
            "mode": "markers+text",
            "x": [corner.place[0]],
            "y": [corner.place[1]],
            "z": [corner.values[metric] + lift],
            "marker": {"size": 6, "color": corner.colour.mark, "line": {"color": ink.halo, "width": 1}},
            "text": [corner.letter],
            "textposition": "top center",
            "textfont": {"color": corner.colour.text, "size": 14},
            "hovertemplate": f"<b>{corner.letter}</b><br>{metric} %{{customdata:{FORMATS[metric]}}}<extra></extra>",
            "customdata": [corner.values[metric]],
        }
        for corner in shown.corners
    ]


def _lift(shown: Scene, metric: Metric) -> float:
    low, high = shown.bounds(metric)
    return _LIFT * (high - low)


def _space(shown: Scene, metric: Metric, ink: Theme, layout: LayoutName, seen: Point3 | None) -> dict[str, Any]:
    """Axes, proportions and the point of view."""
    axis = {
        "gridcolor": ink.rail,
        "showbackground": False,
        "zeroline": False,
        "tickfont": {"size": 10, "color": ink.ticks},
    }
    titled = {"xaxis": "towards B", "yaxis": f"towards {shown.third}", "zaxis": f"{SPLITS[shown.split]} {metric}"}
    wide, deep = float(np.ptp(shown.surface.x)), float(np.ptp(shown.surface.y))
    longest = max(wide, deep)
    eye = dict(_EYE[layout])
    if shown.third == "C":  # it may stand behind a mountain that rises between all three
        eye["z"] *= 1.7
    if seen is not None:
        eye = dict(zip("xyz", seen, strict=True))
    return {
        "aspectmode": "manual",
        "aspectratio": {"x": 1.25 * wide / longest, "y": 1.25 * deep / longest, "z": 0.62},
        "camera": {"eye": eye, "center": {"x": 0, "y": 0, "z": -0.2}},
        **{
            name: axis | {"title": {"text": title, "font": {"size": 11, "color": ink.neutral}}}
            for name, title in titled.items()
        },
    }
