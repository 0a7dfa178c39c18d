"""Whether the units of two layers could be draws from one distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.cost import transport_cost
from lmc_core.errors import InputError

Rows = NDArray[np.float64]

DRAWS = 16


def law_ratio(a: Rows, b: Rows, *, rng: np.random.Generator, draws: int = DRAWS) -> float | None:
    """How far two layers are apart, over how far halves of one layer are.

    R = E W₂²(A_S, B_S') / ½ [E W₂²(A_S, A_Sᶜ) + E W₂²(B_S, B_Sᶜ)], S and S' random halves of the units. If all
    are independent draws from one distribution (Ferbach 2024, assumption 6), all three expectations are equal, so
    R = 1; a larger R says that the layers follow two laws, a smaller one that the units of B repeat those of A. As many
    units stand on both sides of every distance, so the cost of finite samples is the same above and below the line.

    a, b    (units, features) in one basis, both of at least 4 units
    rng     draws the halves
    draws   of the mean

    Returns R, or None where the halves of both layers coincide. Raises InputError for fewer units or other features.
    """
    _check(a, b)
    above = below = 0.0
    for _ in range(draws):
        (a_in, a_out), (b_in, b_out) = halves(a, rng), halves(b, rng)
        size = min(len(a_in), len(b_in))
        above += transport_cost(a_in[:size], b_in[:size])
        below += (transport_cost(a_in, a_out) + transport_cost(b_in, b_out)) / 2
    return above / below if below > 0 else None


def halves(rows: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Two disjoint random subsets of equal size, of an odd number all but one."""
    order, size = rng.permutation(len(rows)), len(rows) // 2
    return rows[order[:size]], rows[order[size : 2 * size]]


def _check(a: Rows, b: Rows) -> None:
    if min(len(a), len(b)) < 4:
        raise InputError(f"halves of {len(a)} and {len(b)} units say nothing about their law; give at least 4 of each")
    if a.shape[1] != b.shape[1]:
        raise InputError(f"units of {a.shape[1]} and of {b.shape[1]} features cannot be compared; give one basis")
