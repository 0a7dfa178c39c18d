"""Small pictures without plotly, from one sketch: an SVG for cards, and a PNG for link previews."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmc_core.figures.palette import THEMES, Ink, Theme, ThemeName, contrast
from lmc_core.words import numbers

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 320, 132
CARD = (1200, 630)
LETTER = 12  # pixels
TOP = 1.12  # of an axis, in largest values
SEAM = 0.6  # pixels by which neighbouring cells overlap, so that no line is seen between them
NOT_IN_FONT = str.maketrans(
    {"→": "to", "×": "x", "−": "-", "–": "-", "·": "-", "\u202f": " ", "₂": "2", "Σ": "S", "½": "1/2", "≤": "<="}
)

Point = tuple[float, float]
"""Pixels to the right, and down."""

INK = THEMES["light"]
ENDS = ((0.0, "A", INK.a.mark), (1.0, "B", INK.b.mark))
"""The names of the ends of a path, under the picture."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A line through points in shares of the picture, (0, 0) at the left below.

    area   opacity of the colour between the line and its chord
    """

    x: ArrayLike
    y: ArrayLike
    colour: str
    width: float = 2.2
    dashes: str = ""
    area: float = 0.0

    def points(self, box: Box) -> list[Point]:
        """Its places in pixels."""
        return [box.place(x, y) for x, y in zip(np.asarray(self.x), np.asarray(self.y), strict=True)]


@dataclass(frozen=True)
class Dot:
    """A dot in shares of the picture, a diamond if `turned`, with a letter beside it."""

    x: float
    y: float
    ink: Ink
    size: float = 5.0
    turned: bool = False
    letter: str = ""


@dataclass(frozen=True, eq=False)
class Sketch:
    """What a small picture shows.

    alt      the same in words
    below    (x, text, colour) under the picture
    cells    (rows, columns) colours that fill it, the lowest row first
    numbers  (text, colour) that a preview says beside the picture
    """

    alt: str
    curves: tuple[Curve, ...] = ()
    dots: tuple[Dot, ...] = ()
    below: tuple[tuple[float, str, str], ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Box:
    """Where the picture is drawn: left, top, right, bottom in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def place(self, x: float, y: float) -> Point:
        """Pixels of a point in shares; what is outside lies on the edge."""
        x, y = (min(max(float(share), 0.0), 1.0) for share in (x, y))
        return self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)


def thumbnail_svg(sketch: Sketch) -> str:
    """The sketch as an SVG that stands on a light and on a dark page."""
    box = Box(12, 14, WIDTH - 12, HEIGHT - 22)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(sketch.alt, quote=True)}">',
            *_cells(sketch.cells, box),
            f'<line x1="{box.left}" y1="{box.bottom}" x2="{box.right}" y2="{box.bottom}" stroke="{INK.rail}"/>',
            *(part for curve in sketch.curves for part in _curve(curve, box)),
            *(part for dot in sketch.dots for part in _dot(dot, box, sketch.curves)),
            *(_text(box.place(x, 0)[0], HEIGHT - 6, text, colour) for x, text, colour in sketch.below),
            "</svg>",
        )
    )


def recoloured(svg: str, theme: ThemeName) -> str:
    """A kept thumbnail, which is light, in the colours of a theme."""
    if theme == "light":
        return svg
    return re.sub("#[0-9A-Fa-f]{6}", lambda found: _in_dark(found[0].upper()), svg)


@cache
def _in_dark(colour: str) -> str:
    """What the dark theme has for a colour of the light one; on a scale, at the same share."""
    light, dark = THEMES["light"], THEMES["dark"]
    for name in ("a", "b", "naive", "aligned", "fused", "grey"):
        one, other = getattr(light, name), getattr(dark, name)
        if colour in (one.mark, one.text):
            return str(other.mark if colour == one.mark else other.text)
    alike = {light.fused_outline: dark.fused_outline, light.rail: dark.rail, light.page: dark.page}
    if found := (alike | dict(zip(light.series, dark.series, strict=True))).get(colour):
        return found
    levels = np.linspace(0, 1, 256)
    far = [sum(abs(a - b) for a, b in zip(_parts(shade(x, light)), _parts(colour), strict=True)) for x in levels]
    return shade(float(levels[int(np.argmin(far))]), dark)


def shade(level: float, theme: Theme = INK) -> str:
    """The colour of a share of the scale of maps, as #RRGGBB."""
    stops, colours = zip(*theme.sequential, strict=True)
    mixed = [round(float(np.interp(level, stops, part))) for part in zip(*map(_parts, colours), strict=True)]
    return "#" + "".join(f"{part:02X}" for part in mixed)


def _parts(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #RRGGBB."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue


def card_png(title: str, finding: str, sketch: Sketch) -> bytes:
    """The picture of a link's preview, 1200 × 630: the finding, and the sketch. Needs Pillow."""
    from PIL import Image, ImageDraw, ImageFont

    def font(size: int) -> Any:
        return ImageFont.load_default(size)

    twice = (2 * CARD[0], 2 * CARD[1])  # drawn twice as large, so that lines come out smooth
    picture = Image.new("RGB", twice, INK.page)
    draw = ImageDraw.Draw(picture)
    draw.text((128, 84), title.translate(NOT_IN_FONT)[:70], fill=INK.grey.text, font=font(52))
    lines = textwrap.wrap(finding.translate(NOT_IN_FONT), 56)[:3]
    draw.multiline_text((128, 176), "\n".join(lines), fill=INK.text, font=font(72), spacing=20)
    box = Box(160, 640 if sketch.cells else 560, twice[0] - 160, twice[1] - 150)  # numbers do not stand on a map
    for x0, y0, x1, y1, colour in _rectangles(sketch.cells, box):
        draw.rectangle((x0, y0, x1, y1), fill=colour)
    draw.line([(box.left, box.bottom), (box.right, box.bottom)], fill=INK.rail, width=4)
    for curve in sketch.curves:
        _line(draw, curve.points(box), curve)
    for dot in sketch.dots:
        (x, y), r = box.place(dot.x, dot.y), 4.4 * dot.size
        corners = 4 if dot.turned else 36
        draw.regular_polygon((x, y, r + 6), corners, rotation=45 * dot.turned, fill=INK.page)
        draw.regular_polygon((x, y, r), corners, rotation=45 * dot.turned, fill=dot.ink.mark)
        one = len(dot.letter) == 1
        at = beside((x, y), [curve.points(box) for curve in sketch.curves], box, 60) if one else (x + 36, y - 36)
        draw.text(at, dot.letter, fill=dot.ink.text, font=font(60), anchor="mm" if one else "lm")
    for k, (text, colour) in enumerate(sketch.numbers):
        draw.text((twice[0] - 820, 470 + 72 * k), text.translate(NOT_IN_FONT), fill=colour, font=font(56))
    for x, text, colour in sketch.below:
        draw.text((box.place(x, 0)[0], twice[1] - 75), text, fill=colour, font=font(64), anchor="mm")
    target = io.BytesIO()
    picture.resize(CARD, Image.Resampling.LANCZOS).save(target, "PNG", optimize=True)
    return target.getvalue()


def shares(values: NDArray[np.float64], top: float) -> NDArray[np.float64]:
    """Values as shares of an axis from 0 to `top`; those that are not finite lie on its upper edge."""
    return np.clip(np.nan_to_num(values, nan=top, posinf=top, neginf=0.0), 0, top) / top


def axis_top(*values: NDArray[np.float64]) -> float:
    """A little above the largest finite value."""
    together = np.concatenate([np.ravel(v) for v in values])
    finite = together[np.isfinite(together)]
    return TOP * max(float(finite.max()) if len(finite) else 1.0, 1e-6)


def before_and_after(what: str, before: float, after: float) -> tuple[tuple[str, str], ...]:
    """A number without and with alignment, for a preview."""
    return (
        (f"naive: {what} {numbers.loss(before)}", INK.naive.text),
        (f"aligned: {what} {numbers.loss(after)}", INK.aligned.text),
    )


def _rectangles(cells: Sequence[Sequence[str]], box: Box) -> list[tuple[float, float, float, float, str]]:
    found = []
    for row, colours in enumerate(cells):
        for column, colour in enumerate(colours):
            x0, y1 = box.place(column / len(colours), row / len(cells))
            x1, y0 = box.place((column + 1) / len(colours), (row + 1) / len(cells))
            found.append((x0, y0, x1, y1, colour))
    return found


def _cells(cells: Sequence[Sequence[str]], box: Box) -> list[str]:
    if not cells:
        return []
    drawn = [
        f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0 + SEAM:.1f}" height="{y1 - y0 + SEAM:.1f}" fill="{colour}"/>'
        for x0, y0, x1, y1, colour in _rectangles(cells, box)
    ]
    return ['<g shape-rendering="crispEdges">', *drawn, "</g>"]


def _curve(curve: Curve, box: Box) -> list[str]:
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in curve.points(box))
    dashes = f' stroke-dasharray="{curve.dashes}"' if curve.dashes else ""
    drawn = f'<path d="{line}" fill="none" stroke="{curve.colour}" stroke-width="{curve.width}"{dashes}/>'
    area = f'<path d="{line}Z" fill="{curve.colour}" fill-opacity="{curve.area:g}"/>'
    return [area, drawn] if curve.area else [drawn]


def beside(dot: Point, lines: Sequence[Sequence[Point]], box: Box, size: float) -> Point:
    """The middle of a letter beside a dot, where no line runs and the picture has room; above and to the right, where
    it is the same.

    size   of the letter, pixels
    """
    places = [(dot[0] + right * size, dot[1] + down * 0.75 * size) for down in (-1, 1) for right in (1, -1)]

    def free(place: Point) -> bool:
        inside = box.left <= place[0] <= box.right and box.top <= place[1] <= box.bottom
        return inside and not any(_near(place, line, 0.6 * size) for line in lines)

    return next(filter(free, places), places[0])


def _near(place: Point, line: Sequence[Point], reach: float) -> bool:
    """Whether a line comes within a square around a place."""
    points = np.asarray(line)
    steps = max(2, int(np.abs(np.diff(points, axis=0)).max(initial=0.0) / reach) + 2)
    fine = np.concatenate([np.linspace(a, b, steps) for a, b in pairwise(points)] or [points])
    return bool((np.abs(fine - np.asarray(place)).max(1) < reach).any())


def _dot(dot: Dot, box: Box, curves: Sequence[Curve]) -> list[str]:
    (x, y), r = box.place(dot.x, dot.y), dot.size
    drawn = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{dot.ink.mark}"/>'
    if dot.turned:
        drawn = f'<path d="M{x:.1f} {y - r:.1f}l{r} {r}l-{r} {r}l-{r} -{r}Z" fill="{dot.ink.mark}"/>'
    if not dot.letter:
        return [drawn]
    if len(dot.letter) > 1:
        return [drawn, _text(x, y - r - 4, dot.letter, word(dot.ink))]
    middle, low = beside((x, y), [curve.points(box) for curve in curves], box, LETTER)
    return [drawn, _text(middle, low + 0.35 * LETTER, dot.letter, word(dot.ink))]


def word(ink: Ink) -> str:
    """The colour of a word: that of the mark, where it can be read."""
    return ink.mark if contrast(ink.mark, INK.page) >= 3 else ink.text


def _text(x: float, y: float, text: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-family="sans-serif" font-size="{LETTER}" '
        f'font-weight="600" fill="{colour}">{escape(text)}</text>'
    )


def _line(draw: ImageDraw, points: list[Point], curve: Curve) -> None:
    """A line of a PNG; a dashed one is drawn in every second piece."""
    width = round(5.6 * curve.width)
    if not curve.dashes:
        draw.line(points, fill=curve.colour, width=width, joint="curve")
        return
    fine = np.linspace(0, len(points) - 1, 61)
    ends = [np.interp(fine, np.arange(len(points)), [p[axis] for p in points]) for axis in (0, 1)]
    for k in range(0, 60, 2):
        piece = [(float(ends[0][j]), float(ends[1][j])) for j in (k, k + 1)]
        draw.line(piece, fill=curve.colour, width=width)
