"""What is solved at once: a group together with the groups nested in it, and what each pair of their units costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.coupling import Coupling, Couplings, Elements, Perms, hard, permutations
from lmc_core.alignment.solve import Solver, nearest, nested_nearest, total
from lmc_core.symmetry.axis import Group
from lmc_core.symmetry.classes import Element, as_matrix, as_permutation, self_dual
from lmc_core.symmetry.symmetry import Symmetry

TIE = 1e-6  # share of a second cost where the first cannot tell units apart: above rounding in float32 sums

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """A free group and the groups nested directly within it, whose units move inside each of its units."""

    outer: Group
    inner: tuple[Group, ...] = ()

    @property
    def name(self) -> str:
        """Of the free group."""
        return self.outer.name

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its groups, the free one first."""
        return (self.outer.name, *(group.name for group in self.inner))

    @property
    def permuted(self) -> Block:
        """The same with permutations alone."""
        outer, *inner = (replace(group, kind="permutation") for group in (self.outer, *self.inner))
        return Block(outer, tuple(inner))

    @property
    def turns(self) -> bool:
        """Whether it is more than re-ordered as a whole: a stream that may be rotated."""
        return not self.inner and self.outer.kind != "permutation"

    def identity(self) -> Perms:
        """The permutations that leave everything where it is."""
        n = self.outer.size
        return {self.name: np.arange(n), **{g.name: np.tile(np.arange(g.size), (n, 1)) for g in self.inner}}

    def shapes(self, source: Symmetry | None = None) -> dict[str, tuple[int, ...]]:
        """Of its costs: group → (M, N), nested group → (M, m, N, n), for a source of this or of another width."""
        groups = {g.name: g if source is None else source.groups[g.name] for g in (self.outer, *self.inner)}
        m, n = self.outer.size, groups[self.name].size
        return {self.name: (m, n), **{g.name: (m, g.size, n, groups[g.name].size) for g in self.inner}}


def blocks(symmetry: Symmetry, *, classes: bool = False) -> tuple[Block, ...]:
    """Every free group with its nested groups, in the order in which the network writes them.

    Groups nested more than one level deep are left out: their units stay where their outer units go.

    classes   solve each group in as much of its class as is its own dual, so that it moves alike where it is made and
              where it is used; a group around others is only re-ordered. False: all are permutations
    """

    def solved(group: Group, *, around: bool = False) -> Group:
        return replace(group, kind=self_dual(group.kind) if classes and not around else "permutation")

    def block(group: Group) -> Block:
        inner = tuple(solved(symmetry.groups[child]) for child in symmetry.children(group.name))
        return Block(solved(group, around=bool(inner)), inner)

    return tuple(block(group) for group in symmetry.groups.values() if group.within is None)


@dataclass(frozen=True, eq=False)
class BlockCost:
    """What every pair of units of a block is worth, target × source: a gradient to be large, a distance to be small.

    outer    (M, N) for the outer units themselves
    inner    nested group → (M, m, N, n), for its units within every pair of outer units
    """

    outer: Array
    inner: Mapping[str, Array]

    @classmethod
    def of(cls, block: Block, costs: Mapping[str, Array]) -> BlockCost:
        """From one array per group."""
        return cls(costs[block.name], {g.name: costs[g.name] for g in block.inner})

    @classmethod
    def zero(cls, block: Block, source: Symmetry | None = None) -> BlockCost:
        """Nothing, in the sizes of a block and of a source."""
        return cls.of(block, {name: np.zeros(shape) for name, shape in block.shapes(source).items()})

    @property
    def scale(self) -> float:
        """Σ over units of the largest entry, the size against which rounding errors of a total are judged."""
        nested = sum(float(np.abs(cost).max((2, 3)).sum()) for cost in self.inner.values())
        return float(np.abs(self.outer).max(1).sum()) + nested

    def plus(self, other: BlockCost, factor: float = 1.0) -> BlockCost:
        """The sum of both, the other times a factor."""
        inner = {name: cost + factor * other.inner[name] for name, cost in self.inner.items()}
        return BlockCost(self.outer + factor * other.outer, inner)

    def tied(self, other: BlockCost) -> BlockCost:
        """This cost with a trace of another, which decides between units that this cannot tell apart."""
        size, theirs = (
            max(float(np.abs(x).max(initial=0.0)) for x in (cost.outer, *cost.inner.values())) for cost in (self, other)
        )
        return self.plus(other, TIE * (size or 1.0) / theirs) if theirs else self

    def root(self) -> BlockCost:
        """Distances that are not squared."""
        return BlockCost(np.sqrt(self.outer), {name: np.sqrt(cost) for name, cost in self.inner.items()})

    def hold(self, block: Block, elements: Mapping[str, Element], strength: float) -> BlockCost:
        """The same gains with a reward for every unit that stays where `elements` have it.

        On permutations and rotations the reward for staying turns F into F + strength/2 ‖G‖², the same up to a
        constant: convex for a large enough strength, so that the best linear step cannot make it worse.
        """
        if not strength:
            return self
        outer, inner = self.outer.copy(), {name: cost.copy() for name, cost in self.inner.items()}
        place = elements[block.name]
        outer += strength * as_matrix(place)
        for name, cost in inner.items():
            for i, j in enumerate(as_permutation(place)):
                cost[i, :, j, :] += strength * as_matrix(elements[name][i])
        return BlockCost(outer, inner)

    def nearest(self, block: Block, pairs: Array | None = None) -> Elements:
        """The elements of the classes of a block's groups with the largest total.

        pairs   (N, N) gains of outer pairs, instead of what is gained inside them
        """
        if not self.inner:
            return {block.name: nearest(block.outer.kind, self.outer)}
        perm, nested = nested_nearest(self.outer, self.inner, {g.name: g.kind for g in block.inner}, pairs)
        return {block.name: perm, **nested}

    def best(self, block: Block) -> Perms:
        """The permutations with the largest total."""
        return {name: as_permutation(perm) for name, perm in self.nearest(block.permuted).items()}

    def total(self, block: Block, elements: Mapping[str, Element]) -> float:
        """<G, cost> at given elements."""
        place = elements[block.name]
        value = total(place, self.outer)
        for name, cost in self.inner.items():
            value += sum(total(elements[name][i], cost[i, :, j, :]) for i, j in enumerate(as_permutation(place)))
        return value

    def plan(self, block: Block, solver: Solver) -> dict[str, Coupling]:
        """The cheapest plan of the outer units, with the cheapest inside each pair of them."""
        outer, inner = solver.nested(self.outer, self.inner)
        found = {block.name: Coupling.of_plan(block.name, outer)}
        return found | {name: Coupling.of_plans(name, plans, found[block.name]) for name, plans in inner.items()}

    def value(self, block: Block, found: Couplings, solver: Solver | None = None) -> float:
        """<P, cost>, plans within plans included; with a solver less the entropy that it rewards."""
        solver = solver or Solver()
        plan = found[block.name].matrix
        value = solver.value(plan, self.outer)
        for name, cost in self.inner.items():
            plans = found[name].pairs
            for i, j in zip(*np.nonzero(plan > 1e-12), strict=True):
                value += float(plan[i, j]) * cost.shape[1] * solver.value(plans[i, j], cost[i, :, j, :])
        return value


def heaviest(block: Block, outer: Array, inner: Mapping[str, Array]) -> Perms:
    """The permutations that keep most of the mass of soft plans: (N, N), and (N, N, n, n) within every pair."""
    mass = {name: (outer[..., None, None] * plans).transpose(0, 2, 1, 3) for name, plans in inner.items()}
    return BlockCost(np.zeros(outer.shape) if inner else outer, mass).best(block)


def hardened(block: Block, plans: Couplings) -> dict[str, Coupling]:
    """The couplings of a block as the permutations that keep most of their mass."""
    if len(permutations(plans)) == len(plans):
        return dict(plans)
    return hard(heaviest(block, plans[block.name].matrix, {g.name: plans[g.name].pairs for g in block.inner}))
