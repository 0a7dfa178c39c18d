"""The plane through three networks as two maps side by side: loss and accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.palette import Theme, ThemeName, theme_of
from lmc_core.figures.plane.scene import SPLITS, Corner, Route, Scene, scene
from lmc_core.figures.sheet import MARGIN, Box, LayoutName, Sheet, f32
from lmc_core.paths.profile import Metric, Profile, Split
from lmc_core.paths.surface import Surface, Trajectory
from lmc_core.words import numbers
from lmc_core.words.measures import measures

WIDTHS = {"wide": 405, "narrow": 267}
"""Pixels one map is wide on a full page; its height follows, so that distances are the same both ways."""
LEVELS = 14
METRICS: tuple[Metric, ...] = ("loss", "accuracy")


def plane_figure(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    *,
    across: Profile | None = None,
    split: Split = "test",
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Loss and accuracy as contour maps with the three networks, both straight paths from A, and that across."""
    ink, narrow = theme_of(theme), layout == "narrow"
    shown = scene(surface, naive, aligned, split, ink, across)
    sheet = Sheet(ink, plane_height(surface, layout), standalone)
    boxes = [(0.0, 0.85, 0.57, 1.0), (0.0, 0.85, 0.0, 0.43)] if narrow else [(0.01, 0.41, 0, 1), (0.54, 0.94, 0, 1)]
    for metric, box in zip(METRICS, boxes, strict=True):
        panel = _panel(sheet, box, f"<b>{shown.measures.heading(metric)}</b>, {SPLITS[split]}", shown)
        _map(sheet, panel, box, shown, metric, ink)
        for route in shown.routes:
            _route(sheet, panel, route, split, ink)
        if surface.trajectory is not None:
            _walk(sheet, panel, surface.trajectory, split, ink)
        for corner in shown.corners:
            _corner(sheet, panel, corner, ink)
    return sheet.figure()


def plane_height(surface: Surface, layout: LayoutName) -> int:
    """Pixels of `plane_figure`."""
    aspect = float(np.clip(np.ptp(surface.y) / np.ptp(surface.x), 0.45, 1.4))
    edges = MARGIN[1] + MARGIN[3]
    one = WIDTHS[layout] * aspect
    return round(edges + (max(one / 0.43, 430) if layout == "narrow" else one))


def _panel(sheet: Sheet, box: Box, title: str, shown: Scene) -> int:
    """A panel whose axes have one scale, so that distances are the same both ways."""
    common = {"nticks": 6, "constrain": "domain"}
    x, y = ([float(values[0]), float(values[-1])] for values in (shown.surface.x, shown.surface.y))
    panel = sheet.panel(
        box,
        title,
        common | {"range": x, "title": "towards B"},
        common | {"range": y, "title": f"towards {shown.third}", "constraintoward": "top"},
    )
    sheet.axes[f"yaxis{panel}"]["scaleanchor"] = f"x{panel}"
    sheet.axes[f"xaxis{panel}"]["constraintoward"] = "left"
    return panel


def _map(sheet: Sheet, panel: int, box: Box, shown: Scene, metric: Metric, ink: Theme) -> None:
    low, high = shown.bounds(metric)
    value = "loss %{z:.3f}" if metric == "loss" else f"{shown.measures.score} %{{z:.1%}}"
    ticks = [low, (low + high) / 2, high]
    bar: dict[str, Any] = {
        "x": box[1] + 0.005,
        "y": (box[2] + box[3]) / 2,
        "len": (box[3] - box[2]) * 0.9,
        "thickness": 9,
        "outlinewidth": 0,
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [numbers.loss(v) if metric == "loss" else f"{numbers.whole(v)}%" for v in ticks],
        "tickfont": {"size": 10, "color": ink.ticks},
    }
    sheet.add(
        panel,
        type="contour",
        x=f32(shown.surface.x),
        y=f32(shown.surface.y),
        z=f32(shown.drawn(shown.surface.values[shown.split][metric], metric)),
        zmin=low,
        zmax=high,
        colorscale=scale(ink, metric),
        contours={"start": low, "end": high, "size": (high - low) / LEVELS},
        line={"width": 0.6, "color": ink.grey.mark},
        colorbar=bar,
        hovertemplate=f"{value}<extra></extra>",
    )


def scale(ink: Theme, metric: Metric) -> list[list[Any]]:
    """The colours of a map: what is good fades into the page, whether it is little loss or much accuracy."""
    if metric == "loss":
        return [list(stop) for stop in ink.sequential]
    return [[1 - share, colour] for share, colour in reversed(ink.sequential)]


def _route(sheet: Sheet, panel: int, route: Route, split: Split, ink: Theme) -> None:
    x, y, profile = f32(route.x), f32(route.y), route.profile
    sheet.add(panel, mode="lines", x=x, y=y, line={"color": ink.halo, "width": 6.5})
    sheet.add(panel, mode="lines", x=x, y=y, line={"color": route.colour.mark, "width": 3, "dash": route.dash})
    measured = np.stack([profile.t, profile.loss(split), profile.accuracy(split)], axis=1)
    sheet.add(
        panel,
        mode="markers",
        x=x[1:-1],
        y=y[1:-1],
        customdata=f32(measured[1:-1]),
        marker={"size": 9, "color": route.colour.mark, "opacity": 0},  # only what the pointer finds
        hovertemplate=f"<b>{route.name}</b><br>t = %{{customdata[0]:.2f}}<br>loss %{{customdata[1]:.3f}}<br>"
        f"{measures([profile]).score} %{{customdata[2]:.1%}}<extra></extra>",
    )


def _walk(sheet: Sheet, panel: int, walked: Trajectory, split: Split, ink: Theme) -> None:
    """The training run: a line from checkpoint to checkpoint, the later the larger its dot."""
    x, y, values = f32(walked.x), f32(walked.y), walked.values[split]
    told = np.stack([values["loss"], values["accuracy"], walked.off], axis=1)
    sheet.add(panel, mode="lines", x=x, y=y, line={"color": ink.halo, "width": 5})
    sheet.add(
        panel,
        mode="lines+markers",
        x=x,
        y=y,
        text=list(walked.names),
        customdata=f32(told),
        line={"color": ink.neutral, "width": 2},
        marker={"size": sizes(len(x)), "color": ink.neutral, "line": {"color": ink.halo, "width": 1}},
        hovertemplate="<b>Training</b>, %{text}<br>loss %{customdata[0]:.3f}<br>accuracy %{customdata[1]:.1%}<br>"
        "%{customdata[2]:.2f} away from the plane<extra></extra>",
    )


def sizes(count: int) -> list[float]:
    """Pixels of the dots of so many checkpoints, in order."""
    return [float(size) for size in np.linspace(4, 9, count)]


def _corner(sheet: Sheet, panel: int, corner: Corner, ink: Theme) -> None:
    x, y = corner.place
    sheet.add(
        panel,
        mode="markers",
        x=[x],
        y=[y],
        marker={"size": 12, "color": corner.colour.mark, "line": {"color": ink.halo, "width": 2}},
        hovertemplate=f"<b>{corner.letter}</b><br>loss {corner.values['loss']:.3f}<extra></extra>",
    )
    sheet.notes.append(
        {
            "text": f"<b>{corner.letter}</b>",
            "x": x,
            "y": y,
            "xref": f"x{panel}",
            "yref": f"y{panel}",
            "showarrow": False,
            "yshift": 18 if y > 0 else -18,
            "font": {"size": 12.5, "color": corner.colour.text},
            "bgcolor": ink.page,
            "borderpad": 2,
            "opacity": 0.92,
        }
    )
