"""The right half of the explore figure: the units of one layer, before and after alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmc_core.diagnostics.cloud import Cloud, Side
from lmc_core.figures.drawing import Drawing, f32
from lmc_core.figures.palette import Ink, Theme, faded
from lmc_core.words import numbers as words

_LINKS = ((False, 0.45, 1.0), (True, 0.85, 1.3))
"""Shorter and longer links: opacity and width."""


def density_top(cloud: Cloud) -> tuple[float, float]:
    """The upper ends of the density axes, shared by both panels."""
    x = [cloud.density_a_x] + [d for side in (cloud.before, cloud.after) for d in (side.density_b_x, side.density_x)]
    y = [cloud.density_a_y] + [d for side in (cloud.before, cloud.after) for d in (side.density_b_y, side.density_y)]
    return tuple(1.04 * max(float(d.max()) for d in group) for group in (x, y))  # type: ignore[return-value]


def draw_clouds(drawing: Drawing, cloud: Cloud, frames: list[int], half: tuple[float, float], theme: Theme) -> None:
    """Both panels. `frames` are the places in cloud.t of the frames; `half` the half-ranges of the axes."""
    _panel(drawing, "before", cloud, cloud.before, frames, half, theme, theme.naive, ("diamond", 5.0))
    _panel(drawing, "after", cloud, cloud.after, frames, half, theme, theme.aligned, ("circle", 4.6))


def _panel(
    drawing: Drawing,
    panel: str,
    cloud: Cloud,
    side: Side,
    frames: list[int],
    half: tuple[float, float],
    theme: Theme,
    ink: Ink,
    symbol: tuple[str, float],
) -> None:
    _densities(drawing, panel, cloud, side, frames, half, theme, ink)
    for strong, opacity, width in _LINKS:
        x, y = _joined(cloud.a, side.b, cloud.links[side.long == strong])
        line = {"color": faded(theme.grey.mark, opacity), "width": width}
        drawing.add(panel, mode="lines", x=x, y=y, line=line)
    linked = np.isin(np.arange(len(cloud.a)), cloud.links)
    ends = ((cloud.a, theme.a, "A", cloud.drawn), (side.b, theme.b, "B", _partners(cloud, panel)))
    for chosen, opacity, marker in (
        (~linked, theme.dots, {"size": 4.5, "line": {"width": 0}}),
        (linked, 1.0, {"size": 6, "line": {"color": theme.halo, "width": 0.8}}),
    ):
        for points, end, name, numbers in ends:
            drawing.add(
                panel,
                mode="markers",
                x=f32(points[chosen, 0]),
                y=f32(points[chosen, 1]),
                marker=marker | {"color": end.mark, "opacity": opacity},
                customdata=np.stack([cloud.drawn, numbers], axis=1)[chosen],
                hovertemplate=_dot_hover(name, numbers),
            )

    def units(k: int) -> dict[str, Any]:
        t = float(cloud.t[frames[k]])
        points = (1 - t) * cloud.a + t * side.b if side.at is None else side.at[frames[k]]
        return {"x": f32(points[:, 0]), "y": f32(points[:, 1])}

    def outline(k: int) -> dict[str, Any]:
        return {"x": f32(side.ellipse[frames[k]][:, 0]), "y": f32(side.ellipse[frames[k]][:, 1])}

    def kept(k: int) -> dict[str, Any]:
        return {"text": [f"keeps <b>{words.whole(float(side.spread[frames[k]]))}%</b> of the spread"]}

    drawing.add(
        panel,
        mode="markers",
        marker={
            "symbol": symbol[0],
            "size": symbol[1],
            "color": ink.mark,
            "opacity": 0.62,
            "line": {"color": theme.halo, "width": 0.4},
        },
        customdata=_pairs(cloud, side, panel),
        hovertemplate=_pair_hover(cloud, panel),
        move=units,
    )
    if cloud.linear:  # the size of a cloud means nothing where distances are not kept
        grey = {"color": theme.grey.mark, "width": 1.4, "dash": "5px,4px"}
        drawing.add(panel, mode="lines", x=f32(side.ends[:, 0]), y=f32(side.ends[:, 1]), line=grey)
        drawing.add(panel, mode="lines", line={"color": ink.mark, "width": 2.4}, move=outline)
    drawing.add(
        panel,
        mode="text",
        x=[0.985 * half[0]],
        y=[-0.88 * half[1]],
        textposition="middle left",
        textfont={"color": ink.text, "size": 13},
        move=kept,
    )


def _densities(
    drawing: Drawing,
    panel: str,
    cloud: Cloud,
    side: Side,
    frames: list[int],
    half: tuple[float, float],
    theme: Theme,
    ink: Ink,
) -> None:
    x, y = (f32([-end, *grid, end]) for grid, end in ((cloud.grid_x, half[0]), (cloud.grid_y, half[1])))
    for curve_a, curve_b, end in (
        (cloud.density_a_x, cloud.density_a_y, theme.a),
        (side.density_b_x, side.density_b_y, theme.b),
    ):
        look: dict[str, Any] = {
            "mode": "lines",
            "line": {"color": end.mark, "width": 1.2},
            "fillcolor": faded(end.mark, 0.10),
        }
        drawing.add(f"{panel}_x", x=x, y=_closed(curve_a), fill="tozeroy", **look)
        drawing.add(f"{panel}_y", x=_closed(curve_b), y=y, fill="tozerox", **look)
    look = {"mode": "lines", "line": {"color": ink.mark, "width": 2.2}, "cliponaxis": False}
    drawing.add(f"{panel}_x", x=x, move=lambda k: {"y": _closed(side.density_x[frames[k]])}, **look)
    drawing.add(f"{panel}_y", y=y, move=lambda k: {"x": _closed(side.density_y[frames[k]])}, **look)


def _closed(curve: np.ndarray) -> np.ndarray:
    """A density drawn to both edges of the panel, where it is nothing."""
    return f32([0, *curve, 0])


def _joined(a: np.ndarray, b: np.ndarray, links: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One broken line through all pairs: a, b, gap, a, b, gap …"""
    gap = np.full(len(links), np.nan, np.float32)
    x, y = (np.stack([a[links, k], b[links, k], gap], axis=1).reshape(-1) for k in (0, 1))
    return f32(x), f32(y)


def _pairs(cloud: Cloud, side: Side, panel: str) -> np.ndarray:
    return f32(np.stack([cloud.drawn, side.distance, _partners(cloud, panel)], axis=1))


def _partners(cloud: Cloud, panel: str) -> np.ndarray:
    """Numbers of B's units in a panel, in the order of A's."""
    return cloud.drawn if panel == "before" else cloud.partner


def _dot_hover(name: str, numbers: np.ndarray) -> str:
    named = "unit %{customdata[1]}" if bool((numbers >= 0).all()) else "meets A's unit %{customdata[0]}"
    return f"<b>{name}</b>, {named}<br>click to see its weights<extra></extra>"


def _pair_hover(cloud: Cloud, panel: str) -> str:
    named = panel == "before" or bool((cloud.partner >= 0).all())
    pair = "A %{customdata[0]:.0f} with B %{customdata[2]:.0f}" if named else "pair %{customdata[0]:.0f}"
    return f"{pair}<br>distance %{{customdata[1]:.2f}}, all directions<extra></extra>"
