"""How the units of one group correspond between a moved network and its reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Coupling:
    """A plan for one group, always target × source; hard when it is a permutation.

    group      name in the Symmetry
    perm       hard: perm[k] = the source unit placed at target position k; (n,), or (N, n) for a group nested within
               one of N units: row i re-orders the source's outer unit that ends at target position i
    plan       soft: (m, n) with row sums a and column sums b, total mass 1; for a nested group (M, N, m, n), one
               plan per pair of outer units, each of total mass 1. None for a hard coupling
    """

    group: str
    perm: NDArray[np.int64] | None = None
    plan: NDArray[np.float64] | None = None

    @property
    def is_hard(self) -> bool:
        return self.perm is not None

    @property
    def is_identity(self) -> bool:
        return self.perm is not None and bool((self.perm == np.arange(self.perm.shape[-1])).all())

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(m, n) plan of total mass 1; for a hard coupling P / n. Nested: per target outer unit (N, n, n)."""
        if self.perm is None:
            assert self.plan is not None
            return self.plan
        n = self.perm.shape[-1]
        return np.eye(n)[self.perm] / n

    @property
    def moved(self) -> int:
        """How many units a hard coupling puts somewhere else."""
        if self.perm is None:
            return 0
        return int((self.perm != np.arange(self.perm.shape[-1])).sum())
