"""What is said of one unit looked at closely: its weights in A, in B and in its match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.diagnostics.preferred import Preferred
from lmc_core.words import numbers
from lmc_core.words.classes import class_name
from lmc_core.words.marks import Text, joined, marked, say

RESPONDS = ("A responds to", "match responds to")
"""Columns of classes in the list of units."""
TILES = 64
"""Channels of a convolution drawn at most."""


def units_alt(units: Units, number: int) -> str:
    """What the figure shows, for who does not see it."""
    cosines, distances = _measured(units, number)
    return (
        f"Incoming weights of unit {number} of {units.label} in A, of B's unit {number} and of its match: the cosine "
        f"with A's is {cosines[0]} and {cosines[1]}, the distance {distances[0]} and {distances[1]}."
    )


def units_caption(units: Units, number: int, block: Block | None = None) -> Text:
    """What to look at."""
    block = block or units.blocks[0]
    cosines, distances = _measured(units, number)
    partner = int(units.partner[units.place(number)])
    parts: list[Text | str] = [
        say(
            "**Unit {number} of {label}.** Its weights and those of B's unit {number} have cosine {c0} and distance "
            "{d0}; those of its match, {match}, {c1} and {d1}. One scale serves all three.",
            number=str(number),
            label=units.label,
            match=f"B's unit {partner}" if partner >= 0 else "what meets it in aligned B",
            c0=marked("naive", cosines[0]),
            d0=marked("naive", distances[0]),
            c1=marked("aligned", cosines[1]),
            d1=marked("aligned", distances[1]),
        )
    ]
    if units.metric == "data":
        parts.append(
            "Weights are drawn as the data sees them: those of inputs that vary together or little are evened out."
        )
    parts.append(_laid_out(units, block))
    if units.moved:
        parts.append("The match is drawn with its inputs in A's order; B in its own.")
    if len(units.numbers) < units.total:
        kept = f"{numbers.count(len(units.numbers))} of {numbers.count(units.total)}"
        parts.append(f"The layer is cut: weights of {kept} units are kept.")
    return joined(parts)


def units_rows(
    units: Units, found: Preferred | None = None, classes: Sequence[str] = ()
) -> list[dict[str, int | float | str | None]]:
    """Every kept unit of A beside its match in aligned B, the least alike first.

    found     the classes that they respond to most, and the names of all `classes`
    """
    rows = []
    for place in np.argsort(units.cosine[:, 1], kind="stable"):
        number, partner = int(units.numbers[place]), int(units.partner[place])
        row: dict[str, int | float | str | None] = {
            "unit of A": number,
            "match in B": partner if partner >= 0 else None,
            "cosine": float(units.cosine[place, 1]),
            "distance": float(units.distance[place, 1]),
        }
        if found is not None:
            a, _, match = (class_name(classes, int(c)) for c in found.best[number])
            row |= {RESPONDS[0]: a, RESPONDS[1]: match}
        rows.append(row)
    return rows


def ring_note(drawn: bool) -> Text:
    """Where to look for the unit in the clouds, as one sentence of the caption under its weights."""
    if drawn:
        return say(
            "The rings in the clouds above mark it, its partners, and on the line between them their average at *t*."
        )
    return say("It is not among the dots drawn above, so no ring marks it there.")


def in_order_of_a(units: Units, block: Block) -> bool:
    """Whether the order of what is read means nothing, so that A's weights may set it."""
    return block.kind == "profile" and units.moved


def _laid_out(units: Units, block: Block) -> str:
    if block.kind == "image":
        return "One weight per pixel of the input, laid out as the input is."
    if block.kind == "taps":
        drawn = f"the first {TILES} of {block.shape[0]}" if block.shape[0] > TILES else f"{block.shape[0]}"
        return f"One tile per channel that it reads ({drawn})."
    if block.kind == "rows":
        return "One row per gate or tap, one column per value that it reads."
    if in_order_of_a(units, block):
        return "One bar per unit that it reads, in the order of A's weights."
    return "One bar per value that it reads."


def _measured(units: Units, number: int) -> tuple[list[str], list[str]]:
    """Cosines and distances of B's unit of that number and of the match."""
    place = units.place(number)
    cosines = [f"{value:.2f}".replace("-", "−") for value in units.cosine[place]]
    return cosines, [f"{value:.2f}" for value in units.distance[place]]
