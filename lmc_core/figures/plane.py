"""The plane through A, B and aligned B: two maps side by side, or one relief."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.figures import words
from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import Ink, Theme, ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import MARGIN, Sheet
from lmc_core.figures.standalone import paper
from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Point, Surface

WIDTHS = {"wide": 405, "narrow": 267}
"""Pixels one map is wide on a full page; its height follows, so that distances are the same both ways."""
RELIEF = {"wide": 560, "narrow": 460}
LEVELS = 14
SPLITS = {"test": "test", "train": "training"}
_ABOVE = 1.3
"""Losses above this multiple of the higher path are drawn alike: they are no part of the story."""


def plane_figure(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    *,
    split: Literal["test", "train"] = "test",
    theme: ThemeName = "light",
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Loss and accuracy as contour maps with the three networks and both straight paths."""
    ink, narrow = theme_of(theme), layout == "narrow"
    sheet = Sheet(ink, plane_height(surface, layout), standalone)
    boxes = [(0.0, 0.85, 0.57, 1.0), (0.0, 0.85, 0.0, 0.43)] if narrow else [(0.01, 0.42, 0, 1), (0.53, 0.94, 0, 1)]
    low, high = loss_range(surface, naive, aligned, split)
    accuracy = np.nan_to_num(surface.accuracy(split))
    least = float(np.floor(10 * accuracy.min()) / 10)
    maps = (
        ("loss", f"<b>Loss</b>, {SPLITS[split]}", np.clip(_finite(surface.loss(split), high), low, high), (low, high)),
        ("accuracy", f"<b>Accuracy</b>, {SPLITS[split]}", accuracy, (min(least, 0.9), 1.0)),
    )
    for (metric, title, values, range_), box in zip(maps, boxes, strict=True):
        panel = sheet.panel(
            box,
            title,
            {"range": _ends(surface.x), "title": "towards B", "nticks": 6, "constrain": "domain"},
            {
                "range": _ends(surface.y),
                "title": "towards aligned B",
                "nticks": 6,
                "constrain": "domain",
                "constraintoward": "top",
            },
        )
        sheet.axes[f"yaxis{panel}"]["scaleanchor"] = f"x{panel}"
        sheet.axes[f"xaxis{panel}"]["constraintoward"] = "left"
        _map(sheet, panel, box, surface, metric, values, range_, ink)
        for name, profile, colour, end in _paths(naive, aligned, ink):
            _path(sheet, panel, surface.corners["a"], surface.corners[end], name, profile, split, colour, ink)
        for end, letter, colour in _corners(ink):
            _corner(sheet, panel, surface, end, letter, colour, ink)
    return sheet.figure()


def surface_figure(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    *,
    split: Literal["test", "train"] = "test",
    theme: ThemeName = "light",
    layout: Literal["wide", "narrow"] = "wide",
    standalone: bool = False,
) -> go.Figure:
    """The loss as a relief, with both paths lying on it as they were measured."""
    ink = theme_of(theme)
    low, high = loss_range(surface, naive, aligned, split)
    height = np.clip(_finite(surface.loss(split), high), low, high)
    lift = 0.012 * (high - low)
    traces: list[dict[str, Any]] = [
        {
            "type": "surface",
            "x": f32(surface.x),
            "y": f32(surface.y),
            "z": f32(height),
            "colorscale": [list(stop) for stop in ink.sequential],
            "cmin": low,
            "cmax": high,
            "showscale": False,
            "opacity": 0.96,
            "contours": {
                "z": {"show": True, "start": low, "end": high, "size": (high - low) / LEVELS, "color": ink.grey.mark}
            },
            "lighting": {"ambient": 0.75, "diffuse": 0.5, "specular": 0.05},
            "hovertemplate": "loss %{z:.3f}<extra></extra>",
        }
    ]
    for name, profile, colour, end in _paths(naive, aligned, ink):
        x, y = _between(surface.corners["a"], surface.corners[end], profile.t)
        z = np.clip(_finite(profile.loss(split), high), low, high) + lift
        traces.append(
            {
                "type": "scatter3d",
                "mode": "lines",
                "x": f32(x),
                "y": f32(y),
                "z": f32(z),
                "line": {"color": colour.mark, "width": 7, "dash": "dash" if name == "naive" else "solid"},
                "hovertemplate": f"<b>{name}</b><br>loss %{{z:.3f}}<extra></extra>",
            }
        )
    ends = {
        "a": float(naive.loss(split)[0]),
        "b": float(naive.loss(split)[-1]),
        "aligned": float(aligned.loss(split)[-1]),
    }
    for end, letter, colour in _corners(ink):
        x0, y0 = surface.corners[end]
        traces.append(
            {
                "type": "scatter3d",
                "mode": "markers+text",
                "x": [x0],
                "y": [y0],
                "z": [ends[end] + 2 * lift],
                "marker": {"size": 6, "color": colour.mark, "line": {"color": ink.halo, "width": 1}},
                "text": [letter],
                "textposition": "top center",
                "textfont": {"color": colour.text, "size": 14},
                "hovertemplate": f"<b>{letter}</b><br>loss {ends[end]:.3f}<extra></extra>",
            }
        )
    axis = {
        "gridcolor": ink.grid,
        "showbackground": False,
        "zeroline": False,
        "tickfont": {"size": 10, "color": ink.ticks},
    }
    wide, deep = float(np.ptp(surface.x)), float(np.ptp(surface.y))
    longest = max(wide, deep)
    titled = {"xaxis": "towards B", "yaxis": "towards aligned B", "zaxis": f"{SPLITS[split]} loss"}
    return go.Figure(
        data=traces,
        layout={
            "template": "none",
            "height": RELIEF[layout],
            "margin": {"l": 0, "r": 0, "t": 6, "b": 0},
            "showlegend": False,
            "scene": {
                "aspectmode": "manual",
                "aspectratio": {"x": 1.25 * wide / longest, "y": 1.25 * deep / longest, "z": 0.62},
                "camera": {"eye": {"x": -0.62, "y": -1.4, "z": 0.85}, "center": {"x": 0, "y": 0, "z": -0.14}},
                **{
                    name: axis | {"title": {"text": said, "font": {"size": 11, "color": ink.neutral}}}
                    for name, said in titled.items()
                },
            },
            **paper(ink, standalone),
        },
    )


def plane_height(surface: Surface, layout: Literal["wide", "narrow"]) -> int:
    """Pixels of `plane_figure`."""
    aspect = float(np.clip(np.ptp(surface.y) / np.ptp(surface.x), 0.45, 1.4))
    edges = MARGIN[1] + MARGIN[3]
    one = WIDTHS[layout] * aspect
    return round(edges + (max(one / 0.43, 430) if layout == "narrow" else one))


def loss_range(surface: Surface, naive: Profile, aligned: Profile, split: str = "test") -> Point:
    """From the lowest loss of the plane to a little above the higher path."""
    values = surface.loss(split)
    low = float(values[np.isfinite(values)].min(initial=np.inf))
    walked = np.concatenate([p.loss(split) for p in (naive, aligned)])  # type: ignore[arg-type]
    walked = walked[np.isfinite(walked)]
    low = min(low, float(walked.min(initial=np.inf)))
    low = low if np.isfinite(low) else 0.0
    high = low + _ABOVE * (float(walked.max(initial=low)) - low)
    return low, high if high > low else low + 1.0


def _map(
    sheet: Sheet,
    panel: int,
    box: Any,
    surface: Surface,
    metric: str,
    values: NDArray[np.float64],
    range_: Point,
    ink: Theme,
) -> None:
    low, high = range_
    said = "loss %{z:.3f}" if metric == "loss" else "accuracy %{z:.1%}"
    middle, length = (box[2] + box[3]) / 2, (box[3] - box[2]) * 0.9
    bar: dict[str, Any] = {
        "x": box[1] + 0.005,
        "y": middle,
        "len": length,
        "thickness": 9,
        "outlinewidth": 0,
        "tickmode": "array",
        "tickvals": [low, (low + high) / 2, high],
        "ticktext": [
            words.loss(v) if metric == "loss" else f"{words.whole(v)}%" for v in (low, (low + high) / 2, high)
        ],
        "tickfont": {"size": 10, "color": ink.ticks},
    }
    scale = [list(stop) for stop in ink.sequential]
    if metric == "accuracy":  # what is good fades into the page in both maps
        scale = [[1 - share, colour] for share, colour in reversed(ink.sequential)]
    sheet.add(
        panel,
        type="contour",
        x=f32(surface.x),
        y=f32(surface.y),
        z=f32(values),
        zmin=low,
        zmax=high,
        colorscale=scale,
        contours={"start": low, "end": high, "size": (high - low) / LEVELS},
        line={"width": 0.6, "color": ink.grey.mark},
        colorbar=bar,
        hovertemplate=f"{said}<extra></extra>",
    )


def _path(
    sheet: Sheet, panel: int, start: Point, end: Point, name: str, profile: Profile, split: Any, colour: Ink, ink: Theme
) -> None:
    x, y = _between(start, end, profile.t)
    dash = "dash" if name == "naive" else "solid"
    sheet.add(panel, mode="lines", x=f32(x), y=f32(y), line={"color": ink.halo, "width": 6.5})
    sheet.add(panel, mode="lines", x=f32(x), y=f32(y), line={"color": colour.mark, "width": 3, "dash": dash})
    told = np.stack([profile.t, profile.loss(split), profile.accuracy(split)], axis=1)
    sheet.add(
        panel,
        mode="markers",
        x=f32(x[1:-1]),
        y=f32(y[1:-1]),
        customdata=f32(told[1:-1]),
        marker={"size": 9, "color": colour.mark, "opacity": 0},  # only what the pointer finds
        hovertemplate=f"<b>{name}</b><br>t = %{{customdata[0]:.2f}}<br>loss %{{customdata[1]:.3f}}<br>"
        "accuracy %{customdata[2]:.1%}<extra></extra>",
    )


def _corner(sheet: Sheet, panel: int, surface: Surface, end: str, letter: str, colour: Ink, ink: Theme) -> None:
    x, y = surface.corners[end]
    sheet.add(
        panel,
        mode="markers",
        x=[x],
        y=[y],
        marker={"size": 12, "color": colour.mark, "line": {"color": ink.halo, "width": 2}},
        hovertemplate=f"<b>{letter}</b><extra></extra>",
    )
    sheet.notes.append(
        {
            "text": f"<b>{letter}</b>",
            "x": x,
            "y": y,
            "xref": f"x{panel}",
            "yref": f"y{panel}",
            "showarrow": False,
            "yshift": 18 if end == "aligned" else -18,
            "font": {"size": 12.5, "color": colour.text},
            "bgcolor": ink.page,
            "borderpad": 2,
            "opacity": 0.92,
        }
    )


def _paths(naive: Profile, aligned: Profile, ink: Theme) -> tuple[tuple[str, Profile, Ink, str], ...]:
    return ("naive", naive, ink.naive, "b"), ("aligned", aligned, ink.aligned, "aligned")


def _corners(ink: Theme) -> tuple[tuple[str, str, Ink], ...]:
    return ("a", "A", ink.a), ("b", "B", ink.b), ("aligned", "B aligned", ink.b)


def _between(start: Point, end: Point, t: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])


def _ends(values: NDArray[np.float64]) -> list[float]:
    return [float(values[0]), float(values[-1])]


def _finite(values: NDArray[np.float64], instead: float) -> NDArray[np.float64]:
    return np.nan_to_num(values, nan=instead, posinf=instead)
