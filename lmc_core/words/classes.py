"""What is said of the classes that units respond to most."""

from __future__ import annotations

from collections.abc import Sequence

from lmc_core.diagnostics.preferred import COLOURED, Preferred
from lmc_core.words import numbers
from lmc_core.words.marks import Text, marked, say

NONE_WORD = "no class"
"""Of a unit that answers every example alike, as one does that is always zero."""
OTHERS = "others"


def class_name(names: Sequence[str], number: int) -> str:
    """A class by its name; a unit that answers every example alike has none."""
    return names[number] if 0 <= number < len(names) else NONE_WORD


def class_word(names: Sequence[str], number: int, above: float) -> str:
    """Which class a unit responds to most, and how much more than to all examples."""
    if number < 0:
        return "responds alike to all examples"
    return f"responds most to class {class_name(names, number)}, {above:.1f}σ above its mean"


def classes_caption(found: Preferred, classes: int) -> Text:
    """What the colours of the clouds mean, and how many partners share one."""
    before, after = (f"{numbers.whole(share)}%" for share in found.agreement)
    more = f" The {COLOURED} classes that most units prefer have colours of their own." if classes > COLOURED else ""
    return say(
        "**Colour: the class of examples that a unit responds to most** (its mean response per class, on training "
        "examples; circles are units of A, squares units of B). Partners prefer the same class in {before} of pairs "
        "{naive:before} and {after} {aligned:after} alignment; partners drawn at random would in {chance}.{more}",
        before=marked("naive", before),
        after=marked("aligned", after),
        chance=f"{numbers.whole(found.chance)}%",
        more=more,
    )
