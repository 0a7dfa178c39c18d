"""How far apart the units of two networks are: mean squared distance of partners, and the least any partners allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_UNITS = 2048
"""Above this the best assignment is not computed: it costs more than the picture is worth."""


@dataclass(frozen=True)
class Cost:
    """Mean squared distance between partners of one group, in one metric.

    before, after   partners in trained order, and after alignment (with B's inputs re-ordered too)
    best            W₂² = min over permutations P of mean ‖w^A_k − w^B_P(k)‖² with the inputs of "after" (Birkhoff:
                    transport between as many equal atoms is a permutation); None for more than `MOST_UNITS` units
    """

    before: float
    after: float
    best: float | None


def cost(
    a: NDArray[np.float64], before: NDArray[np.float64], after: NDArray[np.float64], *, limit: int = MOST_UNITS
) -> Cost:
    """The cost of one group from rows (units, features): A's units, and their partners before and after.

    With rows of W the metric is the plain one; with rows of W Σ^½ distances are mean squared differences of what the
    units compute.
    """
    best = transport_cost(a, after) if len(a) <= limit else None
    return Cost(_mean_square(a, before), _mean_square(a, after), best)


def transport_cost(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """W₂² between two sets of equally many rows (n, d), each of mass 1/n."""
    from lmc_core.alignment.solve import assignment

    return _mean_square(a, b[assignment(a @ b.T)])


def _mean_square(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(((a - b) ** 2).sum() / len(a))
