"""Where the panels of the figure of a path lie, wide and narrow, and what their axes look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lmc_core.figures.labels import Area
from lmc_core.figures.palette import Theme
from lmc_core.figures.sheet import LEAST, QUIET, Box, path_axis

LOSS, ACCURACY = "loss", "accuracy"
PANELS = (LOSS, ACCURACY, "before", "before_x", "before_y", "after", "after_x", "after_y")
"""Axis pair k+1 belongs to panel k; `…_x`, `…_y` are the densities above and beside a cloud."""


@dataclass(frozen=True)
class Layout:
    """Measures in pixels, boxes in shares of the plotting area.

    width       the width the figure usually gets: only the aspect of a cloud panel is taken from it
    least       width of the plotting area in the narrowest figure
    margin      left, top, right, bottom
    slider      x, length, y, padding above
    """

    width: int
    least: int
    height: int
    margin: tuple[int, int, int, int]
    boxes: Mapping[str, Box]
    slider: tuple[float, float, float, int]

    def roomier(self, pixels: int) -> Layout:
        """The same panels, each of its size, with more room for what the slider says."""
        (x, length, split, pad), area = self.slider, self.height - self.margin[1] - self.margin[3]

        def moved(y: float) -> float:
            return (y * area + (pixels if y >= split else 0)) / (area + pixels)

        boxes = {name: (x0, x1, moved(y0), moved(y1)) for name, (x0, x1, y0, y1) in self.boxes.items()}
        slider = x, length, moved(split), pad
        return replace(self, height=self.height + pixels, boxes=boxes, slider=slider)

    @property
    def slider_pixels(self) -> float:
        """Width of the slider."""
        return self.slider[1] * (self.width - self.margin[0] - self.margin[2])

    def pixels(self, panel: str) -> tuple[float, float]:
        """Width and height of a panel."""
        left, top, right, bottom = self.margin
        x0, x1, y0, y1 = self.boxes[panel]
        return (x1 - x0) * (self.width - left - right), (y1 - y0) * (self.height - top - bottom)

    def area(self, panel: str, x: Sequence[float], y: Sequence[float], log: bool = False) -> Area:
        """A panel with the ends of its axes in the narrowest figure."""
        x0, x1, *_ = self.boxes[panel]
        return Area(self.least * (x1 - x0), self.pixels(panel)[1], (x[0], x[1]), (y[0], y[1]), (False, log))


def _boxes(*boxes: Box) -> Mapping[str, Box]:
    return dict(zip(PANELS, boxes, strict=True))


LAYOUTS = {
    "wide": Layout(
        width=1010,
        least=LEAST["wide"],
        height=570,
        margin=(48, 28, 6, 80),
        boxes=_boxes(
            (0, 0.445, 0.38, 1), (0, 0.445, 0, 0.285),
            (0.515, 0.945, 0.545, 0.92), (0.515, 0.945, 0.925, 1), (0.951, 1, 0.545, 0.92),
            (0.515, 0.945, 0, 0.375), (0.515, 0.945, 0.38, 0.455), (0.951, 1, 0, 0.375),
        ),
        slider=(0, 0.445, 0, 26),
    ),
    "narrow": Layout(
        width=358,
        least=LEAST["narrow"],
        height=960,
        margin=(40, 24, 6, 26),
        boxes=_boxes(
            (0, 1, 0.775, 0.985), (0, 1, 0.635, 0.725),
            (0, 0.9, 0.277, 0.474), (0, 0.9, 0.478, 0.515), (0.915, 1, 0.277, 0.474),
            (0, 0.9, 0, 0.197), (0, 0.9, 0.2, 0.237), (0.915, 1, 0, 0.197),
        ),
        slider=(0, 1, 0.635, 22),
    ),
}  # fmt: skip


def axes_of(panel: str) -> dict[str, str]:
    """The names a trace uses to be drawn in a panel."""
    number = PANELS.index(panel) + 1
    suffix = "" if number == 1 else str(number)
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def cloud_range(layout: Layout, extent: tuple[float, float]) -> tuple[float, float]:
    """Half-ranges of both cloud panels that hold `extent` and have equal scale on both axes."""
    width, height = layout.pixels("before")
    scale = max(extent[0] / width, extent[1] / height)
    return scale * width, scale * height


def axes(
    layout: Layout, theme: Theme, ranges: Mapping[str, tuple[list[float], list[float]]], log: bool
) -> dict[str, Any]:
    """`xaxis…`, `yaxis…` of a plotly layout; ranges: panel → (x range, y range)."""
    result: dict[str, Any] = {}
    ticks = {"size": 11, "color": theme.ticks}
    for panel in PANELS:
        names = axes_of(panel)
        x0, x1, y0, y1 = layout.boxes[panel]
        bare = QUIET | {"showticklabels": False, "showgrid": True, "gridcolor": theme.grid, "gridwidth": 1}
        bare |= {"title": {"text": ""}}
        x = bare | {"domain": [x0, x1], "anchor": names["yaxis"], "range": ranges[panel][0]}
        y = bare | {"domain": [y0, y1], "anchor": names["xaxis"], "range": ranges[panel][1]}
        if panel in (LOSS, ACCURACY):
            x |= path_axis(theme) | {"tickfont": ticks}
            y |= {"showticklabels": True, "tickfont": ticks}
        if panel == LOSS:
            y |= {"type": "log", "dtick": "D1" if _decades(ranges[panel][1]) < 1.5 else 1} if log else {"nticks": 6}
        if panel == ACCURACY:
            x["showticklabels"] = True
            y |= {"tickmode": "array", "tickvals": [0, 0.5, 1], "ticktext": ["0%", "50%", "100%"]}
        if panel[-2:] in ("_x", "_y"):
            x["showgrid"] = y["showgrid"] = False
        result[names["xaxis"].replace("x", "xaxis", 1)] = x
        result[names["yaxis"].replace("y", "yaxis", 1)] = y
    return result


def _decades(log_range: list[float]) -> float:
    return log_range[1] - log_range[0]
