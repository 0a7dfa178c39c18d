"""What is solved at once: a group together with the groups nested in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.solve import nested_assignment
from lmc_core.symmetry.axis import Group
from lmc_core.symmetry.symmetry import Symmetry

Perms = dict[str, NDArray[np.int64]]
"""group → (n,), or (N, n) for a nested group; perm[k] = the source unit placed at target position k."""


@dataclass(frozen=True)
class Block:
    """A free group and the groups nested directly within it, whose units move inside each of its units."""

    outer: Group
    inner: tuple[Group, ...] = ()

    @property
    def name(self) -> str:
        return self.outer.name

    @property
    def names(self) -> tuple[str, ...]:
        return (self.outer.name, *(group.name for group in self.inner))

    def identity(self) -> Perms:
        """The permutations that leave everything where it is."""
        n = self.outer.size
        return {self.name: np.arange(n), **{g.name: np.tile(np.arange(g.size), (n, 1)) for g in self.inner}}


@dataclass(frozen=True, eq=False)
class BlockCost:
    """Gradient of an objective for one block, always target × source.

    outer    (N, N) for the outer units themselves
    inner    nested group → (N, n, N, n), for its units within every pair of outer units
    """

    outer: NDArray[np.float64]
    inner: Mapping[str, NDArray[np.float64]]

    @property
    def scale(self) -> float:
        """Σ over units of the largest entry, the size against which rounding errors of a total are judged."""
        nested = sum(float(np.abs(cost).max((2, 3)).sum()) for cost in self.inner.values())
        return float(np.abs(self.outer).max(1).sum()) + nested

    def plus(self, other: BlockCost, share: float) -> BlockCost:
        """This cost and another one, the other scaled to weigh `share` of this."""
        factor = share * self.scale / other.scale if other.scale else 0.0
        inner = {name: cost + factor * other.inner[name] for name, cost in self.inner.items()}
        return BlockCost(self.outer + factor * other.outer, inner)

    def hold(self, block: Block, perms: Mapping[str, NDArray[np.int64]], strength: float) -> BlockCost:
        """The same cost with a reward for every unit that stays where `perms` has it.

        On permutations the reward for staying turns F into F + strength/2 ‖P‖², the same up to a constant: convex for
        a large enough strength, so that the best linear step cannot make it worse.
        """
        if not strength:
            return self
        perm = perms[block.name]
        rows = np.arange(len(perm))
        outer, inner = self.outer.copy(), {name: cost.copy() for name, cost in self.inner.items()}
        outer[rows, perm] += strength
        for name, cost in inner.items():
            cost[rows[:, None], np.arange(cost.shape[1]), perm[:, None], perms[name]] += strength
        return BlockCost(outer, inner)

    def best(self, block: Block) -> Perms:
        """The permutations with the largest total."""
        perm, nested = nested_assignment(self.outer, self.inner)
        return {block.name: perm, **nested}

    def total(self, block: Block, perms: Mapping[str, NDArray[np.int64]]) -> float:
        """<P, cost> at given permutations."""
        perm = perms[block.name]
        rows = np.arange(len(perm))
        value = self.outer[rows, perm].sum()
        for name, cost in self.inner.items():
            n = cost.shape[1]
            value += cost[rows[:, None], np.arange(n), perm[:, None], perms[name]].sum()
        return float(value)


def blocks(symmetry: Symmetry) -> tuple[Block, ...]:
    """Every free group with its nested groups, in the order in which the network writes them.

    Groups nested more than one level deep are left out: their units stay where their outer units go.
    """
    return tuple(
        Block(group, tuple(symmetry.groups[child] for child in symmetry.children(group.name)))
        for group in symmetry.groups.values()
        if group.within is None
    )
