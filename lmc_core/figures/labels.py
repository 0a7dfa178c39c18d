"""Where a label stands clear of all lines, dots, bars and words of its panel, at every width of a layout.

Places are pixels of the narrowest figure: in a wider one a label takes a smaller share of its panel, around the same
point, while all else keeps its share. What is clear there is clear everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Side = Literal["above", "below", "left", "right"]

LETTER, LINE = 0.46, 1.3
"""Width of a letter, or more, and from one line to the next, in sizes of the font."""
AIR = (2.0, 1.0)
"""Pixels beside a label and above and below it that stay free."""
GAP = 3.0
"""Pixels between a label and the point that it belongs to."""
_STRAY = 40.0
"""What a pixel costs across the direction in which a label may move, in pixels along it."""
_COVERED = 1e6
"""What a covered pixel costs: more than any way."""


@dataclass(frozen=True)
class Area:
    """A panel in the narrowest figure of a layout.

    width, height    pixels
    x, y             the ends of its axes: powers of ten where they are logarithmic
    log              whether x and y are
    """

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log: tuple[bool, bool] = (False, False)

    def pixels(self, x: Any, y: Any) -> Array:
        """Values as places (n, 2) from the lower left corner."""
        across = _along(x, self.x, self.width, self.log[0])
        return np.stack(np.broadcast_arrays(across, _along(y, self.y, self.height, self.log[1])), axis=-1)

    def values(self, place: tuple[float, float]) -> tuple[float, float]:
        """The inverse of `pixels`, for one place."""
        x = self.x[0] + place[0] / self.width * (self.x[1] - self.x[0])
        y = self.y[0] + place[1] / self.height * (self.y[1] - self.y[0])
        return float(10**x if self.log[0] else x), float(10**y if self.log[1] else y)


def _along(given: Any, ends: tuple[float, float], length: float, log: bool) -> Array:
    values = np.asarray(given, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.log10(values) if log else values
        return np.asarray(length * (exponent - ends[0]) / (ends[1] - ends[0]))


@dataclass(frozen=True)
class Label:
    """A label in its place.

    x, y        values of the point that the words are drawn at
    position    on which side of it, as plotly names it
    box         left, bottom, right, top in pixels of the area
    free        nothing lies under it
    """

    x: float
    y: float
    position: str
    box: tuple[float, float, float, float]
    free: bool


def extent(words: str, size: float) -> tuple[float, float]:
    """Width and height in pixels that words need, or a little more."""
    lines = [re.sub("<[^>]*>", "", line) for line in words.split("<br>")]
    return LETTER * size * max(map(len, lines)), size * (1 + LINE * (len(lines) - 1))


def place(
    words: str,
    size: float,
    at: tuple[float, float],
    area: Area,
    ink: Array,
    *,
    side: Side = "above",
    along: Literal["x", "y"] | None = None,
) -> Label:
    """The place nearest to that beside a point where nothing is drawn; if there is none, where least is.

    at       values of the point that the words belong to
    ink      (n, 4) boxes of all that is drawn, as `drawn` has them
    side     where beside the point the words stand if they can
    along    the direction in which they rather move
    """
    width, height = (length + 2 * air for length, air in zip(extent(words, size), AIR, strict=True))
    x, y = np.nan_to_num(area.pixels(*at), posinf=area.height, neginf=0.0)
    corner = {
        "above": (x - width / 2, y + GAP),
        "below": (x - width / 2, y - GAP - height),
        "left": (x - GAP - width, y - height / 2),
        "right": (x + GAP, y - height / 2),
    }[side]
    weights = {None: (1.0, 1.0), "x": (1.0, _STRAY), "y": (_STRAY, 1.0)}[along]
    left, bottom, free = _nearest(_taken(ink, area), (width, height), corner, weights)
    across, position = {"left": (width - AIR[0], "middle left"), "right": (AIR[0], "middle right")}.get(
        side, (width / 2, "middle center")
    )
    value = area.values((left + across, bottom + height / 2))
    return Label(*value, position, (left, bottom, left + width, bottom + height), free)


def corner(size: tuple[float, float], areas_and_ink: Iterable[tuple[Area, Array]]) -> tuple[int, int]:
    """Which corner the fewest boxes enter in all these panels, and how many do.

    Corners are counted 0 lower right, 1 lower left, 2 upper right, 3 upper left; of two alike the first is taken.
    """
    met = np.zeros(4, np.int64)
    for area, ink in areas_and_ink:
        for k, (up, left) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            across = ink[:, 0] < size[0] if left else ink[:, 2] > area.width - size[0]
            high = ink[:, 3] > area.height - size[1] if up else ink[:, 1] < size[1]
            inside = (ink[:, 2] > 0) & (ink[:, 0] < area.width) & (ink[:, 3] > 0) & (ink[:, 1] < area.height)
            met[k] += int((across & high & inside).sum())
    best = int(met.argmin())
    return best, int(met[best])


def drawn(traces: Iterable[Mapping[str, Any]], area: Area) -> Array:
    """Boxes (n, 4), left, bottom, right, top in pixels, that cover the lines, dots, bars and words of traces."""
    found = [np.zeros((0, 4))]
    for trace in traces:
        if trace.get("type") == "bar":
            found.append(_bars(trace, area))
        if trace.get("type", "scatter") != "scatter":
            continue
        points, mode = area.pixels(trace["x"], trace["y"]), str(trace.get("mode", "lines"))
        if "lines" in mode and (width := float(trace.get("line", {}).get("width", 2))):
            found.append(strokes(points, max(1.0, width / 2), area))
        if "markers" in mode:
            marker = trace["marker"]
            found.append(_around(points, 1 + (np.max(marker["size"]) + marker.get("line", {}).get("width", 0)) / 2))
        if "text" in mode:
            found.append(_words(points, trace))
    return np.concatenate(found)


def strokes(points: Array, radius: float, area: Area) -> Array:
    """Boxes along a line through places (n, 2), broken where one is not known, a pixel apart."""
    points = np.where(np.isfinite(points), points, np.nan)
    start, way = points[:-1], np.diff(points, axis=0)
    known = np.isfinite(start).all(axis=1) & np.isfinite(way).all(axis=1)
    start, way = start[known], way[known]
    with np.errstate(divide="ignore", invalid="ignore"):  # where a line enters and leaves the panel
        ends = np.stack([(edge - start) / way for edge in (-radius, np.array([area.width, area.height]) + radius)])
    inside = (start >= -radius) & (start <= np.array([area.width, area.height]) + radius)
    flat = way == 0
    enter = np.where(flat, np.where(inside, 0.0, 2.0), ends.min(axis=0)).max(axis=1).clip(0, None)
    leave = np.where(flat, 1.0, ends.max(axis=0)).min(axis=1).clip(None, 1)
    seen = enter <= leave
    start, way, enter, leave = start[seen], way[seen], enter[seen], leave[seen]
    start, way = start + enter[:, None] * way, (leave - enter)[:, None] * way
    steps = np.ceil(np.abs(way).max(axis=1, initial=0)).astype(np.int64) + 1
    number = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
    share = number / np.repeat(np.maximum(steps - 1, 1), steps)
    return _around(np.repeat(start, steps, axis=0) + share[:, None] * np.repeat(way, steps, axis=0), radius)


def _around(points: Array, radius: float) -> Array:
    points = points[np.isfinite(points).all(axis=1)]
    return np.concatenate([points - radius, points + radius], axis=1)


def _bars(trace: Mapping[str, Any], area: Area) -> Array:
    """Those of horizontal bars."""
    length, row = (np.asarray(trace[side], np.float64) for side in "xy")
    base = np.broadcast_to(np.asarray(trace.get("base", 0.0), np.float64), length.shape)
    low = row + trace.get("offset", -trace["width"] / 2)
    ends = np.stack([area.pixels(base, low), area.pixels(base + length, low + trace["width"])])
    return np.concatenate([ends.min(axis=0), ends.max(axis=0)], axis=1)


def _words(points: Array, trace: Mapping[str, Any]) -> Array:
    vertical, horizontal = trace.get("textposition", "middle center").split()
    size = float(trace["textfont"]["size"])
    boxes = []
    for (x, y), words in zip(points, trace["text"], strict=True):
        width, height = extent(words, size)
        left = {"left": x - width, "right": x}.get(horizontal, x - width / 2)
        bottom = {"top": y, "bottom": y - height}.get(vertical, y - height / 2)
        boxes.append((left, bottom, left + width, bottom + height))
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def _taken(ink: Array, area: Area) -> NDArray[np.bool_]:
    """Which pixels (height, width), from the lower left, boxes cover."""
    rows, columns = max(1, int(area.height)), max(1, int(area.width))
    left, bottom = (np.floor(ink[:, k]).clip(0, n).astype(np.int64) for k, n in ((0, columns), (1, rows)))
    right, top = (np.ceil(ink[:, k]).clip(0, n).astype(np.int64) for k, n in ((2, columns), (3, rows)))
    width, size = columns + 1, (rows + 1) * (columns + 1)
    starts = np.concatenate([bottom * width + left, top * width + right])
    ends = np.concatenate([bottom * width + right, top * width + left])
    edges = np.bincount(starts, minlength=size) - np.bincount(ends, minlength=size)
    return edges.reshape(rows + 1, width).cumsum(axis=0).cumsum(axis=1)[:rows, :columns] > 0


def _nearest(
    taken: NDArray[np.bool_],
    size: tuple[float, float],
    corner: tuple[float, float],
    weights: tuple[float, float],
) -> tuple[float, float, bool]:
    """Left and bottom of the box of this size that is nearest to a corner among the least covered, and whether it is
    free: sums over all boxes are differences of one table of sums."""
    height, width = (min(n, int(np.ceil(s))) for n, s in zip(taken.shape, size[::-1], strict=True))
    sums = np.pad(taken.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    covered = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    across, up = (np.abs(np.arange(n) - c) for n, c in zip(covered.shape[::-1], corner, strict=True))
    cost = weights[0] * across[None] + weights[1] * up[:, None] + _COVERED * covered
    row, column = np.unravel_index(int(cost.argmin()), cost.shape)
    return float(column), float(row), not covered[row, column]
