"""Small pictures of a path without plotly: an SVG for cards, and a PNG for link previews."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.figures import words
from lmc_core.figures.palette import THEMES
from lmc_core.paths.profile import Profile

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 320, 132
CARD = (1200, 630)
TOP = 1.12  # of the axis, in largest losses
NOT_IN_FONT = str.maketrans(
    {"→": "to", "×": "x", "−": "-", "–": "-", "·": "-", "\u202f": " ", "₂": "2", "Σ": "S", "½": "1/2"}
)

INK = THEMES["light"]


@dataclass(frozen=True)
class Box:
    """Where curves are drawn: left, top, right, bottom in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def points(self, t: NDArray[np.float64], loss: NDArray[np.float64], top: float) -> list[tuple[float, float]]:
        """Pixels of a curve over t; losses that are not finite lie on the upper edge."""
        y = np.clip(np.nan_to_num(loss, nan=top, posinf=top, neginf=0.0), 0, top) / top
        x = self.left + t * (self.right - self.left)
        return list(zip(x.tolist(), (self.bottom - y * (self.bottom - self.top)).tolist(), strict=True))


def thumbnail_svg(naive: Profile, aligned: Profile) -> str:
    """Test loss from A to B, before and after alignment, as an SVG that stands on a light and on a dark page."""
    box, top = Box(12, 14, WIDTH - 12, HEIGHT - 22), _top(naive, aligned)
    before, after = (box.points(p.t, p.loss(), top) for p in (naive, aligned))
    (ax, ay), (bx, by) = before[0], before[-1]
    peak = before[int(naive.excess().argmax())]
    low = after[int(aligned.excess().argmax())]
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(thumbnail_alt(naive, aligned), quote=True)}">',
            f'<line x1="{box.left}" y1="{box.bottom}" x2="{box.right}" y2="{box.bottom}" stroke="{INK.rail}"/>',
            f'<line x1="{ax:.1f}" y1="{ay:.1f}" x2="{bx:.1f}" y2="{by:.1f}" stroke="{INK.grey.mark}" '
            'stroke-dasharray="2 3"/>',
            f'<path d="{_line(before)}Z" fill="{INK.naive.mark}" fill-opacity=".1"/>',
            f'<path d="{_line(before)}" fill="none" stroke="{INK.naive.mark}" stroke-width="2.2"/>',
            f'<path d="{_line(after)}" fill="none" stroke="{INK.aligned.mark}" stroke-width="3"/>',
            f'<path d="M{peak[0]:.1f} {peak[1] - 5:.1f}l5 5l-5 5l-5 -5Z" fill="{INK.naive.mark}"/>',
            f'<circle cx="{low[0]:.1f}" cy="{low[1]:.1f}" r="4.5" fill="{INK.aligned.mark}"/>',
            *(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{ink.mark}"/>'
                f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle" font-family="sans-serif" font-size="12" '
                f'font-weight="600" fill="{ink.mark}">{name}</text>'
                for name, ink, x, y in (("A", INK.a, ax, ay), ("B", INK.b, bx, by))
            ),
            "</svg>",
        )
    )


def thumbnail_alt(naive: Profile, aligned: Profile) -> str:
    """The picture in words."""
    before, after = words.loss(naive.barrier()), words.loss(aligned.barrier())
    return f"Test loss from A to B: the barrier is {before} without alignment and {after} after it."


def card_png(title: str, finding: str, naive: Profile, aligned: Profile) -> bytes:
    """The picture of a link's preview, 1200 × 630: the finding, and both curves. Needs Pillow."""
    from PIL import Image, ImageDraw, ImageFont

    def font(size: int) -> Any:
        return ImageFont.load_default(size)

    twice = (2 * CARD[0], 2 * CARD[1])  # drawn twice as large, so that lines come out smooth
    picture = Image.new("RGB", twice, INK.page)
    draw = ImageDraw.Draw(picture)
    draw.text((128, 84), title.translate(NOT_IN_FONT)[:70], fill=INK.grey.text, font=font(52))
    lines = textwrap.wrap(finding.translate(NOT_IN_FONT), 56)[:3]
    draw.multiline_text((128, 176), "\n".join(lines), fill=INK.text, font=font(72), spacing=20)
    _curves(draw, Box(160, 560, twice[0] - 160, twice[1] - 150), naive, aligned)
    numbers = ((INK.naive.text, "naive", naive), (INK.aligned.text, "aligned", aligned))
    for k, (colour, name, profile) in enumerate(numbers):
        text = f"{name}: barrier {words.loss(profile.barrier())}".translate(NOT_IN_FONT)
        draw.text((twice[0] - 820, 470 + 72 * k), text, fill=colour, font=font(56))
    for x, name, ink in ((160, "A", INK.a), (twice[0] - 160, "B", INK.b)):
        draw.text((x, twice[1] - 75), name, fill=ink.text, font=font(64), anchor="mm")
    target = io.BytesIO()
    picture.resize(CARD, Image.Resampling.LANCZOS).save(target, "PNG", optimize=True)
    return target.getvalue()


def _curves(draw: ImageDraw, box: Box, naive: Profile, aligned: Profile) -> None:
    top = _top(naive, aligned)
    draw.line([(box.left, box.bottom), (box.right, box.bottom)], fill=INK.rail, width=4)
    ends = None
    for profile, ink, width in ((naive, INK.naive, 12), (aligned, INK.aligned, 18)):
        points = box.points(profile.t, profile.loss(), top)
        draw.line(points, fill=ink.mark, width=width, joint="curve")
        ends = points[0], points[-1]
    assert ends is not None
    for (x, y), ink in zip(ends, (INK.a, INK.b), strict=True):
        draw.ellipse([x - 22, y - 22, x + 22, y + 22], fill=ink.mark, outline=INK.page, width=6)


def _top(naive: Profile, aligned: Profile) -> float:
    losses = np.concatenate([naive.loss(), aligned.loss()])
    finite = losses[np.isfinite(losses)]
    return TOP * max(float(finite.max()) if len(finite) else 1.0, 1e-6)


def _line(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
