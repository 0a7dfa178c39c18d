"""How numbers are written in sentences, labels and cards."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lmc_core.words.marks import Text, marked, say

_PROPER = ("Frank", "Git", "Gromov", "Hungarian", "Sinkhorn", "Wasserstein")
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def loss(value: float) -> str:
    """Two decimals; three below 0.01, so that a small barrier is not 0.00."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "undefined"
    text = f"{value:.3f}" if 0.0005 <= abs(value) < 0.00995 else f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


def within(value: float, uncertainty: float) -> str:
    """A loss and how far off it may be, "0.67 ± 0.05"; alone where it is exact."""
    return f"{loss(value)} ± {loss(uncertainty)}" if uncertainty > 1e-9 else loss(value)


def percent(value: float) -> str:
    """A share (0..1) as a percentage with one decimal."""
    return f"{100 * value:.1f}%"


def most(share: float) -> str:
    """A share in as few digits as are honest: neither nothing nor all of it (0 or 100%) unless it is exactly that."""
    if not math.isfinite(share):
        return "∞ %"
    value = 100 * share
    if 0 < value < 0.1:
        return "under 0.1%"
    if 99.9 < value < 100:
        return "over 99.9%"
    near = 0 < value < 1 or 99 < value < 100
    return f"{math.floor(10 * value + 1e-9) / 10:.1f}%" if near else f"{value:.0f}%"


def whole(value: float) -> str:
    """A share (0..1) as a whole percentage without its sign."""
    return f"{100 * value:.0f}"


def count(number: int) -> str:
    """10 000, with a thin no-break space."""
    return f"{number:,}".replace(",", "\u202f")


def counted(count: int, what: str) -> str:
    """ "1 step", "3 steps"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def spanned(values: Sequence[float], digits: int = 1) -> str:
    """From the smallest to the largest of several numbers, in as many decimals; one number where they look the same."""
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low}–{high}"


def change(before: str, after: str) -> Text:
    """A number without and with alignment, each in the colour of its path."""
    return say("{before} {grey:→} {after}", before=marked("naive", before), after=marked("aligned", after))


def in_words(number: int) -> str:
    """ "three", "ten", "11"."""
    return _WORDS[number] if number < len(_WORDS) else str(number)


def groups(number: int) -> str:
    """How many groups of interchangeable units a network has."""
    if number == 0:
        return "no interchangeable units"
    return f"{number} group{'s' if number > 1 else ''} of interchangeable units"


def listed(parts: Sequence[str]) -> str:
    """Words with commas and an "and"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def inside(title: str) -> str:
    """A method's title inside a sentence: "Weight matching" → "weight matching"; names of people and acronyms stay."""
    first = re.split(r"[\s–-]", title, maxsplit=1)[0]
    if first in _PROPER or any(letter.isupper() for letter in first[1:]):
        return title
    return title[:1].lower() + title[1:]


def opening(title: str) -> str:
    """A method's title at the start of a sentence."""
    return title[:1].upper() + title[1:]


def power(value: float | None) -> str:
    """1.1 × 10⁻⁵"""
    if value is None:
        return "not measured"
    if value == 0:
        return "0, exactly"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} × 10{raised(int(exponent))}"


def raised(exponent: int) -> str:
    """⁻⁵"""
    return str(exponent).translate(_RAISED)
