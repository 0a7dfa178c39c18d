"""The dimension that the units of one network fill, from this network alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.cost import transport_cost
from lmc_core.diagnostics.width import Scaling, scaling
from lmc_core.errors import InputError

Rows = NDArray[np.float64]

SMALLEST = 8
"""Units of the smallest subset; each further one has twice as many."""
DRAWS = 6
_FARTHEST = 0.1
"""Share of the units with the largest ratio of distances, which Facco 2017 leaves out."""


def subset_scaling(label: str, rows: Rows, *, rng: np.random.Generator, draws: int = DRAWS) -> Scaling | None:
    """How far disjoint subsets of one layer are apart, against their size.

    E W₂²(X_S, X_S') with |S| = |S'| = m falls as m^(−2/d) for independent units of a law of dimension d > 4
    (Fournier 2015, theorem 1), so the slope s of log E W₂² against log m gives d = −2/s without a second width.
    For d < 4 it falls as m^(−1/2) whatever d is: 4 is the least that can be read off. A few hundred units are too few
    for a large d, which is read too low: 12 as about 10.

    rows    (units, features)
    rng     draws the subsets
    draws   of the mean, at the largest size; smaller subsets are drawn more often, so that every size sees all units

    Returns the line through the sizes 8, 16, …, or None where there are fewer than two sizes or all units coincide.
    """
    sizes = [SMALLEST << k for k in range(32) if 2 * (SMALLEST << k) <= len(rows)]
    if len(sizes) < 2:
        return None
    costs = [_apart(rows, size, rng, draws * (sizes[-1] // size)) for size in sizes]
    return scaling(label, sizes, costs) if min(costs) > 0 else None


def _apart(rows: Rows, size: int, rng: np.random.Generator, draws: int) -> float:
    total = 0.0
    for _ in range(draws):
        order = rng.permutation(len(rows))
        total += transport_cost(rows[order[:size]], rows[order[size : 2 * size]])
    return total / draws


def neighbour_dimension(rows: Rows) -> float | None:
    """The dimension from the two nearest neighbours of every unit.

    With μ = r₂/r₁, the ratio of the distances to the second and the first neighbour, P(μ < x) = 1 − x^(−d): d is the
    slope through the origin of −log(1 − F(μ)) against log μ (Facco 2017, eq. 5 and the algorithm after it), without the
    tenth of the units whose μ is largest.

    rows    (units, features); units that coincide with another are left out

    Returns d, or None where fewer than ten units are left. Raises InputError for numbers that are not finite.
    """
    if not np.isfinite(rows).all():
        raise InputError("the units hold NaN or infinite entries; check the weights for them")
    squares = (rows**2).sum(1)
    apart = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.sqrt(np.partition(apart, 1, axis=1)[:, :2].clip(min=0)) if len(rows) > 2 else np.zeros((0, 2))
    nearest.sort(axis=1)
    nearest = nearest[nearest[:, 0] > 1e-6 * np.sqrt(squares.mean() or 1.0)]
    if len(nearest) < 10:
        return None
    log = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))
    kept = int((1 - _FARTHEST) * len(log))
    below = np.arange(1, kept + 1) / len(log)
    log = log[:kept]
    size = float(log @ log)
    return float(-(log @ np.log1p(-below)) / size) if size > 0 else None
