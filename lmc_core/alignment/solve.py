"""Assignment problems: the best permutation for one group, and for a group with others nested in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from lmc_core.errors import SettingError

Perm = NDArray[np.int64]
Cost = NDArray[np.float64]


def assignment(cost: Cost) -> Perm:
    """Permutation with the largest total: max over P of <P, cost> (Kuhn 1955; Jonker and Volgenant 1987).

    cost   (n, n) target × source: what is gained by placing source unit j at target position i

    Returns perm (n,) with perm[i] = the source unit placed at position i.
    Raises SettingError if the matrix is not square or holds NaN or infinite entries.
    """
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise SettingError(f"an assignment needs a square cost, not {cost.shape}; groups of other sizes need a plan")
    if not np.isfinite(cost).all():
        raise SettingError("a cost matrix holds NaN or infinite entries; check the weights and activations for them")
    return linear_sum_assignment(cost, maximize=True)[1].astype(np.int64)


def nested_assignment(cost: Cost, inner: Mapping[str, Cost]) -> tuple[Perm, dict[str, Perm]]:
    """Best permutation of outer units together with one permutation inside each (heads, and units within a head).

    max over P and Q of <P, cost> + Σ_c Σ_ij P_ij <Q^c_ij, inner_c[i, :, j, :]>, solved exactly: an assignment inside
    every pair (i, j) of outer units, whose values then count as gains of the outer pair.

    cost    (N, N) gain of placing outer unit j at position i, apart from what is inside
    inner   nested group → (N, n, N, n): [i, k, j, l] = gain of placing unit l of outer unit j at place k of position i

    Returns the outer perm (N,) and for each nested group (N, n): row i re-orders the units of outer unit perm[i].
    """
    total = cost.copy()
    best: dict[str, Perm] = {}
    for name, blocks in inner.items():
        outer, n = blocks.shape[:2]
        perms = np.empty((outer, outer, n), dtype=np.int64)
        for i, j in np.ndindex(outer, outer):
            perms[i, j] = assignment(blocks[i, :, j, :])
            total[i, j] += blocks[i, np.arange(n), j, perms[i, j]].sum()
        best[name] = perms
    perm = assignment(total)
    rows = np.arange(len(perm))
    return perm, {name: perms[rows, perm] for name, perms in best.items()}
