"""Small pictures of a fusion without plotly: an SVG for cards, and a PNG for link previews."""

from __future__ import annotations

import io
import textwrap
from html import escape
from typing import Any

from lmc_core.figures import words
from lmc_core.figures.fuse_rows import Standing, standings
from lmc_core.figures.fuse_words import fuse_alt
from lmc_core.figures.palette import THEMES
from lmc_core.figures.thumbnail import CARD, HEIGHT, NOT_IN_FONT, WIDTH
from lmc_core.fusion.outcome import Outcome

INK = THEMES["light"]
LEFT, TOP, FOOT = 18, 24, 24
"""Pixels around the stems: beside, above and below."""


def fuse_thumbnail_svg(outcome: Outcome) -> str:
    """Test accuracy of every network as a stem with a dot, on a light and on a dark page."""
    rows = standings(outcome, INK)
    base = HEIGHT - FOOT
    parts = [f'<line x1="{LEFT - 6}" y1="{base}" x2="{WIDTH - LEFT + 6}" y2="{base}" stroke="{INK.rail}"/>']
    for place, row in enumerate(rows):
        x, value = _across(place, len(rows), LEFT, WIDTH - LEFT), _accuracy(row)
        y = base - value * (base - TOP)
        text = f'font-family="sans-serif" text-anchor="middle" x="{x:.1f}" fill="{row.ink.mark}"'
        parts += [
            f'<line x1="{x:.1f}" y1="{base}" x2="{x:.1f}" y2="{y:.1f}" stroke="{row.ink.mark}" stroke-width="2.4" '
            'stroke-opacity=".55"/>',
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{row.ink.mark}"/>',
            f'<text {text} y="{y - 9:.1f}" font-size="10.5">{100 * value:.0f}%</text>',
            f'<text {text} y="{HEIGHT - 8}" font-size="11" font-weight="600">{escape(row.short)}</text>',
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(fuse_alt(outcome), quote=True)}">{"".join(parts)}</svg>'
    )


def fuse_card_png(title: str, finding: str, outcome: Outcome) -> bytes:
    """The picture of a link's preview, 1200 × 630: the finding, and every network's accuracy. Needs Pillow."""
    from PIL import Image, ImageDraw, ImageFont

    def font(size: int) -> Any:
        return ImageFont.load_default(size)

    twice = (2 * CARD[0], 2 * CARD[1])  # drawn twice as large, so that lines come out smooth
    picture = Image.new("RGB", twice, INK.page)
    draw = ImageDraw.Draw(picture)
    draw.text((128, 84), title.translate(NOT_IN_FONT)[:70], fill=INK.grey.text, font=font(52))
    lines = textwrap.wrap(finding.translate(NOT_IN_FONT), 56)[:4]
    draw.multiline_text((128, 176), "\n".join(lines), fill=INK.text, font=font(72), spacing=20)
    rows, base, top = standings(outcome, INK), twice[1] - 150, 640
    draw.line([(160, base), (twice[0] - 160, base)], fill=INK.rail, width=4)
    for place, row in enumerate(rows):
        x, value = _across(place, len(rows), 160, twice[0] - 160), _accuracy(row)
        y = base - value * (base - top)
        draw.line([(x, base), (x, y)], fill=row.ink.mark, width=10)
        draw.ellipse([x - 22, y - 22, x + 22, y + 22], fill=row.ink.mark, outline=INK.page, width=4)
        draw.text((x, y - 56), words.percent(value), fill=row.ink.text, font=font(46), anchor="mm")
        draw.text((x, twice[1] - 88), row.short, fill=row.ink.text, font=font(50), anchor="mm")
    target = io.BytesIO()
    picture.resize(CARD, Image.Resampling.LANCZOS).save(target, "PNG", optimize=True)
    return target.getvalue()


def _across(place: int, count: int, left: float, right: float) -> float:
    return left + (place + 0.5) / count * (right - left)


def _accuracy(row: Standing) -> float:
    return min(max(row.scores["test"]["accuracy"], 0.0), 1.0)
