"""How numbers are written in sentences, labels and cards."""

from __future__ import annotations

import math
import re

_PROPER = ("Frank", "Git", "Gromov", "Hungarian", "Sinkhorn", "Wasserstein")


def loss(value: float) -> str:
    """Two decimals; three below 0.01, so that a small barrier is not 0.00."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "undefined"
    text = f"{value:.3f}" if 0.0005 <= abs(value) < 0.00995 else f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


def percent(value: float) -> str:
    """A share (0..1) as a percentage with one decimal."""
    return f"{100 * value:.1f}%"


def whole(value: float) -> str:
    """A share (0..1) as a whole percentage without its sign."""
    return f"{100 * value:.0f}"


def count(number: int) -> str:
    """10 000, with a thin no-break space."""
    return f"{number:,}".replace(",", "\u202f")


def inside(title: str) -> str:
    """A method's title inside a sentence: "Weight matching" → "weight matching"; names of people and acronyms stay."""
    first = re.split(r"[\s–-]", title, maxsplit=1)[0]
    if first in _PROPER or any(letter.isupper() for letter in first[1:]):
        return title
    return title[:1].lower() + title[1:]


def opening(title: str) -> str:
    """A method's title at the start of a sentence."""
    return title[:1].upper() + title[1:]


def plain(markdown: str) -> str:
    """A sentence without its colours and bold marks."""
    text = re.sub(r":(?:blue|violet|orange|green|gray)\[([^\]]*)\]", r"\1", markdown)
    return text.replace("**", "").replace("*", "")
