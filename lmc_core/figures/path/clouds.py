"""The right half of the figure of a path: the units of one layer, before and after alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lmc_core.diagnostics.cloud import Cloud, Side
from lmc_core.figures import labels
from lmc_core.figures.palette import Ink, Theme, faded
from lmc_core.figures.path.classes import Classes
from lmc_core.figures.path.drawing import Drawing
from lmc_core.figures.path.panels import Layout, cloud_range
from lmc_core.figures.sheet import f32
from lmc_core.words import numbers

_LINKS = ((False, 0.45, 1.0), (True, 0.85, 1.3))
"""Shorter and longer links: opacity and width."""
_SIZE = 13
"""Of the words in a corner."""
_GROWN = tuple(1 + 0.05 * k for k in range(15))
"""How much wider than its units a cloud may be drawn, so that a corner is free."""
CLASSED = 0.8
"""Opacity of units whose colour is that of their class, linked or not."""


def density_top(cloud: Cloud) -> tuple[float, float]:
    """The upper ends of the density axes, shared by both panels."""
    x = [cloud.density_a_x] + [d for side in (cloud.before, cloud.after) for d in (side.density_b_x, side.density_x)]
    y = [cloud.density_a_y] + [d for side in (cloud.before, cloud.after) for d in (side.density_b_y, side.density_y)]
    return tuple(1.04 * max(float(d.max()) for d in group) for group in (x, y))  # type: ignore[return-value]


def draw_clouds(
    drawing: Drawing,
    cloud: Cloud,
    frames: list[int],
    layout: Layout,
    theme: Theme,
    classes: Classes | None = None,
) -> tuple[float, float]:
    """Both panels; gives the half-ranges of their axes. `frames` are the places in cloud.t of the frames.

    classes   colour units of A and B by the class that they respond to most, not by their network
    """
    units = []
    panels = (
        _Panel("before", cloud, cloud.before, frames, theme, theme.naive, "diamond", 5.0, classes),
        _Panel("after", cloud, cloud.after, frames, theme, theme.aligned, "circle", 4.6, classes),
    )
    for panel in panels:
        one = Drawing(drawing.start)
        panel.pairs(one)
        panel.units(one)
        units.append(one)
    seen = [one.seen(panel.name, len(frames)) for panel, one in zip(panels, units, strict=True)]
    half, corner = _room(cloud, layout, seen)
    for panel, one in zip(panels, units, strict=True):
        panel.densities(drawing, half)
        drawing.put(one)
        panel.label(drawing, half, corner)
    return half


def _room(cloud: Cloud, layout: Layout, seen: list[list[dict[str, Any]]]) -> tuple[tuple[float, float], int]:
    """Half-ranges of both panels, the smallest at which one corner of both has room for words in every frame, and
    that corner."""
    extent = float(cloud.extent[0]), float(cloud.extent[1])
    width, height = labels.extent(_kept(1.0), _SIZE)
    size = width + 2 * labels.AIR[0], 1.4 * height + 2 * labels.AIR[1]  # centred at 0.88 of the height
    found: list[tuple[int, tuple[float, float], int]] = []
    for grown in _GROWN:
        half = cloud_range(layout, (grown * extent[0], grown * extent[1]))
        areas = [layout.area(name, (-half[0], half[0]), (-half[1], half[1])) for name in ("before", "after")]
        both = [(area, labels.drawn(traces, area)) for area, traces in zip(areas, seen, strict=True)]
        corner, covered = labels.corner(size, both)
        found.append((covered, half, corner))
        if not covered:
            break
    return min(found, key=lambda one: one[0])[1:]


@dataclass(frozen=True)
class _Panel:
    """One side of the cloud as it is drawn; `symbol` and `size` are those of a unit at t."""

    name: str
    cloud: Cloud
    side: Side
    frames: list[int]
    theme: Theme
    ink: Ink
    symbol: str
    size: float
    classes: Classes | None = None

    def densities(self, drawing: Drawing, half: tuple[float, float]) -> None:
        """Those of A, of B, and of the units at t, above and beside the cloud."""
        cloud, side, (above, beside) = self.cloud, self.side, (f"{self.name}_x", f"{self.name}_y")
        x, y = (f32([-end, *grid, end]) for grid, end in zip((cloud.grid_x, cloud.grid_y), half, strict=True))
        for curve_a, curve_b, end in (
            (cloud.density_a_x, cloud.density_a_y, self.theme.a),
            (side.density_b_x, side.density_b_y, self.theme.b),
        ):
            line: dict[str, Any] = {"mode": "lines", "line": {"color": end.mark, "width": 1.2}}
            line["fillcolor"] = faded(end.mark, 0.10)
            drawing.add(above, x=x, y=_closed(curve_a), fill="tozeroy", **line)
            drawing.add(beside, x=_closed(curve_b), y=y, fill="tozerox", **line)
        line = {"mode": "lines", "line": {"color": self.ink.mark, "width": 2.2}, "cliponaxis": False}
        drawing.add(above, x=x, move=lambda k: {"y": _closed(side.density_x[self.frames[k]])}, **line)
        drawing.add(beside, y=y, move=lambda k: {"x": _closed(side.density_y[self.frames[k]])}, **line)

    def pairs(self, drawing: Drawing) -> None:
        """The units of A and B, those that are linked over the others, and the links."""
        cloud, side, theme = self.cloud, self.side, self.theme
        for strong, opacity, width in _LINKS:
            x, y = _joined(cloud.a, side.b, cloud.links[side.long == strong])
            line = {"color": faded(theme.grey.mark, opacity), "width": width}
            drawing.add(self.name, mode="lines", x=x, y=y, line=line)
        linked = np.isin(np.arange(len(cloud.a)), cloud.links)
        ends = ((cloud.a, theme.a, "A", cloud.drawn), (side.b, theme.b, "B", self.partners))
        for chosen, opacity, marker in (
            (~linked, theme.dots, {"size": 4.5, "line": {"width": 0}}),
            (linked, 1.0, {"size": 6, "line": {"color": theme.halo, "width": 0.8}}),
        ):
            for points, end, name, partners in ends:
                look: dict[str, Any] = marker | {"color": end.mark, "opacity": opacity}
                drawing.add(
                    self.name,
                    mode="markers",
                    x=f32(points[chosen, 0]),
                    y=f32(points[chosen, 1]),
                    customdata=np.stack([cloud.drawn, partners], axis=1)[chosen],
                    **self._dots(name, look, chosen, _dot_hover(name, partners)),
                )

    def _dots(self, name: str, marker: dict[str, Any], chosen: np.ndarray, hover: str) -> dict[str, Any]:
        """How units of a network look: in its colour, or, of another shape each, in those of their classes."""
        if self.classes is None:
            return {"marker": marker, "hovertemplate": hover}
        column = 0 if name == "A" else 1 if self.name == "before" else 2
        rows = self.cloud.drawn[chosen]
        best, above = self.classes.found.best[rows, column], self.classes.found.above[rows, column]
        inks = {"color": self.classes.colours(best, self.theme), "symbol": "circle" if name == "A" else "square"}
        return {
            "marker": marker | inks | {"opacity": max(marker["opacity"], CLASSED)},
            "text": self.classes.words(best, above),
            "hovertemplate": hover.replace("<br>", "<br>%{text}<br>", 1),
        }

    def units(self, drawing: Drawing) -> None:
        """The units at t with their ellipse."""
        cloud, side, frames, ink = self.cloud, self.side, self.frames, self.ink

        def at(k: int) -> dict[str, Any]:
            t = float(cloud.t[frames[k]])
            points = (1 - t) * cloud.a + t * side.b if side.at is None else side.at[frames[k]]
            return {"x": f32(points[:, 0]), "y": f32(points[:, 1])}

        def outline(k: int) -> dict[str, Any]:
            return {"x": f32(side.ellipse[frames[k]][:, 0]), "y": f32(side.ellipse[frames[k]][:, 1])}

        edge = {"color": self.theme.halo, "width": 0.4}
        opacity = 0.62 if self.classes is None else 0.2  # there the colours of the ends are what is looked at
        drawing.add(
            self.name,
            mode="markers",
            marker={"symbol": self.symbol, "size": self.size, "color": ink.mark, "opacity": opacity, "line": edge},
            customdata=f32(np.stack([cloud.drawn, side.distance, self.partners], axis=1)),
            hovertemplate=_pair_hover(cloud, self.name),
            move=at,
        )
        if cloud.linear:  # the size of a cloud means nothing where distances are not kept
            grey = {"color": self.theme.grey.mark, "width": 1.4, "dash": "5px,4px"}
            drawing.add(self.name, mode="lines", x=f32(side.ends[:, 0]), y=f32(side.ends[:, 1]), line=grey)
            drawing.add(self.name, mode="lines", line={"color": ink.mark, "width": 2.4}, move=outline)

    def label(self, drawing: Drawing, half: tuple[float, float], corner: int) -> None:
        """How much of the spread the units keep, in a corner (`labels.corner`)."""

        def kept(k: int) -> dict[str, Any]:
            return {"text": [_kept(float(self.side.spread[self.frames[k]]))]}

        up, left = divmod(corner, 2)
        place = {
            "x": [(-0.985 if left else 0.985) * half[0]],
            "y": [(0.88 if up else -0.88) * half[1]],
            "textposition": f"middle {'right' if left else 'left'}",
        }
        drawing.add(self.name, mode="text", **place, textfont={"color": self.ink.text, "size": _SIZE}, move=kept)

    @property
    def partners(self) -> np.ndarray:
        """Numbers of B's units, in the order of A's."""
        return self.cloud.drawn if self.name == "before" else self.cloud.partner


def _kept(share: float) -> str:
    return f"keeps <b>{numbers.whole(share)}%</b> of the spread"


def _closed(curve: np.ndarray) -> np.ndarray:
    """A density drawn to both edges of the panel, where it is nothing."""
    return f32([0, *curve, 0])


def _joined(a: np.ndarray, b: np.ndarray, links: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One broken line through all pairs: a, b, gap, a, b, gap …"""
    gap = np.full(len(links), np.nan, np.float32)
    x, y = (np.stack([a[links, k], b[links, k], gap], axis=1).reshape(-1) for k in (0, 1))
    return f32(x), f32(y)


def _dot_hover(name: str, numbers: np.ndarray) -> str:
    named = "unit %{customdata[1]}" if bool((numbers >= 0).all()) else "meets A's unit %{customdata[0]}"
    return f"<b>{name}</b>, {named}<br>click to see its weights<extra></extra>"


def _pair_hover(cloud: Cloud, panel: str) -> str:
    named = panel == "before" or bool((cloud.partner >= 0).all())
    pair = "A %{customdata[0]:.0f} with B %{customdata[2]:.0f}" if named else "pair %{customdata[0]:.0f}"
    return f"{pair}<br>distance %{{customdata[1]:.2f}}, all directions<extra></extra>"
