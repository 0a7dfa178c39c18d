"""What the units of each layer of an aligned pair say of the distribution they were drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmc_core.diagnostics.cost import MOST_UNITS
from lmc_core.diagnostics.gelbrich import Gelbrich, gelbrich
from lmc_core.diagnostics.intrinsic import neighbour_dimension, subset_scaling
from lmc_core.diagnostics.labels import labels
from lmc_core.diagnostics.law import law_ratio
from lmc_core.diagnostics.units import functions_of, weighed
from lmc_core.diagnostics.width import Scaling
from lmc_core.report import Report, silent

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry

LEAST_UNITS = 16
"""Halves of fewer say nothing."""


@dataclass(frozen=True, eq=False)
class Law:
    """One layer, its units as functions of the data.

    before, after   `law_ratio` of A and B, with the inputs of B in trained order and aligned
    subsets         `subset_scaling` of A; None for too few units
    neighbours      `neighbour_dimension` of A
    split           `gelbrich` of A and aligned B
    """

    label: str
    before: float | None
    after: float | None
    subsets: Scaling | None
    neighbours: float | None
    split: Gelbrich

    @property
    def dimension(self) -> float | None:
        """Of A, from subsets."""
        return None if self.subsets is None else self.subsets.dimension


def laws(
    a: Network,
    b: Network,
    aligned: Network,
    symmetry: Symmetry,
    moments: Sequence[Any],
    *,
    seed: int = 0,
    report: Report = silent,
) -> dict[str, Law]:
    """group → Law, for the groups of 16 to 2048 units whose inputs were measured.

    aligned   `alignment.transport(b)`
    moments   of A's inputs (`alignment/moments.py`)
    seed      draws halves and subsets
    """
    found = {}
    for number, (group, label) in enumerate(labels(symmetry).items()):
        report("comparing the laws of the layers", number, len(symmetry.groups))
        if not weighed(symmetry, group, moments):
            continue
        rows, trained, moved = functions_of((a, b, aligned), symmetry, group, moments)
        if not LEAST_UNITS <= len(rows) <= MOST_UNITS:
            continue
        rng = np.random.default_rng([seed, 23, number])
        found[group] = Law(
            label=label,
            before=law_ratio(rows, trained, rng=rng),
            after=law_ratio(rows, moved, rng=rng),
            subsets=subset_scaling(label, rows, rng=rng),
            neighbours=neighbour_dimension(rows),
            split=gelbrich(rows, moved),
        )
    return found
