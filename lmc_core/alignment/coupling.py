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
    def matrices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Write and read matrices, target × source: (m, n), or (M, N, m, n) for a nested group.

        write = plan / row sums (a new unit is the mean of its sources), read = plan / column sums (each source is
        handed on once); for a permutation both are the permutation matrix.
        """
        if self.perm is not None:
            matrix = np.eye(self.perm.shape[-1])[self.perm]
            if self.perm.ndim == 2:  # the same for every source outer unit: only one of them is used
                matrix = np.repeat(matrix[:, None], len(matrix), axis=1)
            return matrix, matrix
        plan = self.matrix
        rows, columns = plan.sum(-1, keepdims=True), plan.sum(-2, keepdims=True)
        write = np.divide(plan, rows, out=np.zeros_like(plan), where=rows > 0)
        return write, np.divide(plan, columns, out=np.zeros_like(plan), where=columns > 0)

    @property
    def moved(self) -> int:
        """How many units a hard coupling puts somewhere else."""
        if self.perm is None:
            return 0
        return int((self.perm != np.arange(self.perm.shape[-1])).sum())
