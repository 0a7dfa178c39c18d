"""How the units of one group correspond between a model and its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmc_core.symmetry.classes import Element, as_matrix, inverse_transpose

Perms = dict[str, NDArray[np.int64]]
"""group → (n,), or (N, n) for a nested group; perm[k] = the source unit placed at target position k."""


@dataclass(frozen=True, eq=False)
class Coupling:
    """A plan for one group, always target × source: a permutation (hard), another map of its class, or soft.

    group      name in the Symmetry
    perm       hard: perm[k] = the source unit placed at target position k; (n,), or (N, n) for a group nested within
               one of N units: row i re-orders the source's outer unit that ends at target position i
    plan       soft: (m, n) with row sums a and column sums b, total mass 1; for a nested group (M, N, m, n), one
               plan per pair of outer units, each of total mass 1. None for a hard coupling
    map        an element of a class above permutation, such as a rotation: (n, n) G that moves the units where they
               are made, G⁻ᵀ where they are used; (N, n, n) for a nested group, row i for the outer unit that ends at
               target position i
    """

    group: str
    perm: NDArray[np.int64] | None = None
    plan: NDArray[np.float64] | None = None
    map: NDArray[np.float64] | None = None

    @classmethod
    def of_element(cls, group: str, element: Element) -> Coupling:
        """A permutation, or a map."""
        if element.dtype.kind == "i":
            return cls(group, perm=np.asarray(element, dtype=np.int64))
        return cls(group, map=np.asarray(element, dtype=np.float64))

    @classmethod
    def of_plan(cls, group: str, plan: NDArray[np.float64]) -> Coupling:
        """A free group's coupling: hard where the plan (m, n) is a permutation divided by n."""
        perm = _permutation(plan)
        return cls(group, perm=perm) if perm is not None else cls(group, plan=plan)

    @classmethod
    def of_plans(cls, group: str, plans: NDArray[np.float64], outer: Coupling) -> Coupling:
        """A nested group's coupling from a plan per pair of outer units, (M, N, m, n): hard where all used ones are."""
        if outer.perm is not None:
            perms = [_permutation(plans[i, j]) for i, j in enumerate(outer.perm)]
            if all(perm is not None for perm in perms):
                return cls(group, perm=np.array(perms, dtype=np.int64))
        return cls(group, plan=plans)

    @property
    def is_hard(self) -> bool:
        """Whether it is a permutation."""
        return self.perm is not None

    @property
    def keeps_function(self) -> bool:
        """Whether a network carried by it computes the same: a permutation, or another map of the group's class."""
        return self.plan is None

    @property
    def element(self) -> Element:
        """What moves the units of a coupling that keeps the function."""
        found = self.perm if self.map is None else self.map
        assert found is not None
        return found

    @property
    def is_identity(self) -> bool:
        """Whether every unit stays where it is."""
        return self.perm is not None and bool((self.perm == np.arange(self.perm.shape[-1])).all())

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(m, n) plan of total mass 1; for a hard coupling P / n. Nested: per target outer unit (N, n, n).

        Of a map the squares of its entries, as shares: how much of each target unit comes from each source unit.
        """
        if self.map is not None:
            squared = np.square(self.map)
            return np.asarray(squared / squared.sum((-1, -2), keepdims=True))
        if self.perm is None:
            assert self.plan is not None
            return self.plan
        n = self.perm.shape[-1]
        return np.eye(n)[self.perm] / n

    @property
    def pairs(self) -> NDArray[np.float64]:
        """(M, N, m, n) of a nested group: a plan of total mass 1 for every pair of outer units."""
        if self.map is not None:
            return np.repeat(self.matrix[:, None], len(self.map), axis=1)
        return self.matrix if self.perm is None else self.matrices[0] / self.perm.shape[-1]

    @property
    def matrices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Write and read matrices, target × source: (m, n), or (M, N, m, n) for a nested group.

        write = plan / row sums (a new unit is the mean of its sources), read = plan / column sums (each source is
        handed on once); for a permutation both are the permutation matrix, for another map G and G⁻ᵀ.
        """
        if self.keeps_function:
            sides = as_matrix(self.element), as_matrix(inverse_transpose(self.element))
            if sides[0].ndim == 3:  # the same for every source outer unit: only one of them is used
                made, used = (np.repeat(side[:, None], len(side), axis=1) for side in sides)
                return made, used
            return sides
        plan = self.matrix
        rows, columns = plan.sum(-1, keepdims=True), plan.sum(-2, keepdims=True)
        write = np.divide(plan, rows, out=np.zeros_like(plan), where=rows > 0)
        return write, np.divide(plan, columns, out=np.zeros_like(plan), where=columns > 0)

    @property
    def angles(self) -> NDArray[np.float64] | None:
        """Principal angles of a map in degrees, (n,), of a nested group (N·n,): 0 leaves a direction where it is, 180
        turns it around. Of one that also stretches, those of its orthogonal factor; None for an order or a plan."""
        if self.map is None:
            return None
        left, _, right = np.linalg.svd(self.map)
        turns = np.angle(np.linalg.eigvals(left @ right))
        return np.sort(np.degrees(np.abs(turns)).ravel())

    @property
    def moved(self) -> int:
        """How many units a hard coupling puts somewhere else."""
        if self.perm is None:
            return 0
        return int((self.perm != np.arange(self.perm.shape[-1])).sum())


Elements = dict[str, Element]
"""group → what moves its units: perms, or matrices target × source, (n, n), or (N, n, n) for a nested group."""

Couplings = Mapping[str, Coupling]
"""group → how its units correspond."""


def hard(perms: Mapping[str, NDArray[np.int64]]) -> dict[str, Coupling]:
    """Permutations as couplings."""
    return {name: Coupling(name, perm=perm) for name, perm in perms.items()}


def of_elements(elements: Mapping[str, Element]) -> dict[str, Coupling]:
    """Elements of the classes of groups as couplings."""
    return {name: Coupling.of_element(name, element) for name, element in elements.items()}


def permutations(couplings: Couplings) -> Perms:
    """The permutations of those couplings that are hard."""
    return {name: coupling.perm for name, coupling in couplings.items() if coupling.perm is not None}


def _permutation(plan: NDArray[np.float64]) -> NDArray[np.int64] | None:
    m, n = plan.shape
    if m != n or np.count_nonzero(plan) != n:
        return None
    perm = plan.argmax(1)
    return perm.astype(np.int64) if len(set(perm.tolist())) == n else None
