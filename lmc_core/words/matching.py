"""What is said of how well the units of A and B fit, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lmc_core.diagnostics.matching import Matching
from lmc_core.words import numbers
from lmc_core.words.marks import say

MATCHING_CAPTION = say(
    "**What to look at.** A good matching moves the whole histogram left, not only its tail. A diagonal band says that "
    "units next to each other in A have partners next to each other in B; similarity counts all directions; *before* "
    "shows how much of the band the sorting alone makes."
)


ROTATION_CAPTION = say(
    "**What to look at.** These units were rotated, not only re-ordered. Each bar counts principal angles: directions "
    "at 0° stay where they are, at 180° they are turned around. A rotation drawn at random spreads them evenly, which "
    "is the dashed line: independent trainings agree on no basis."
)


def rotation_alt(m: Matching) -> str:
    """What the figure of the angles shows, for who does not see it."""
    assert m.angles is not None
    low, middle, high = np.quantile(m.angles, [0.1, 0.5, 0.9])
    return (
        f"Principal angles of the rotation of {m.label}: half of them lie below {middle:.0f} degrees, a tenth below "
        f"{low:.0f}, a tenth above {high:.0f}."
    )


def matching_alt(matchings: Mapping[str, Matching], group: str) -> str:
    """What the figure shows, for who does not see it."""
    one = matchings[group]
    before, after = (numbers.loss(pairs.cosine) for pairs in (one.before, one.after))
    costs = "; ".join(f"{m.label} {m.cost.before:.2f} to {m.cost.after:.2f}" for m in matchings.values())
    return (
        f"Left: the mean distance between partners of {one.label} goes from {one.before.mean:.2f} before to "
        f"{one.after.mean:.2f} after. Middle: mean squared distance per layer, {costs}. Right: similarity in partner "
        f"order; the mean cosine of partners is {before} before and {after} after."
    )


def matching_rows(matchings: Mapping[str, Matching]) -> list[dict[str, Any]]:
    """The table under the figure: one row per group."""
    return [
        {
            "group": m.label,
            "units": m.units,
            "moved": m.moved,
            "median rotation": None if m.angles is None else f"{np.median(m.angles):.0f}°",
            "cost before": m.cost.before,
            "cost after": m.cost.after,
            "least possible": m.cost.best,
            "activation correlation": m.after.correlation,
        }
        for m in matchings.values()
    ]
