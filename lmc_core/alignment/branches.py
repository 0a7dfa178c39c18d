"""The order of whole branches, such as the experts of mixtures, before what lies within them is matched."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.coupling import Elements, Perms
from lmc_core.alignment.objective import Objective, Position, all_classes_objective, weight_objective
from lmc_core.alignment.result import best_of
from lmc_core.alignment.solve import nearest
from lmc_core.alignment.sweeps import sweep
from lmc_core.alignment.terms import Term
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.arrangement import Branches
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum
from lmc_core.symmetry.evidence import unbranched
from lmc_core.symmetry.permute import identity, regrouped
from lmc_core.symmetry.symmetry import Symmetry

ROUNDS = 4
"""Most times that the order of branches and all that lies outside them are found in turn."""


def branch_orders(
    a: Network, b: Network, symmetry: Symmetry, rng: np.random.Generator, *, classes: bool, report: Report = silent
) -> Perms:
    """The order of B's branches that resembles A's most: group of branches → perm, by the weights alone.

    V[i, j] = max over what lies within a branch of <A_i, T(B_j)>, over its tensors and its parts of those that number
    branches, with B's other units in the best order known; then an assignment on V, as for heads. That order is first
    found without any branch, then with all, in turn until nothing changes. The pairs (i, j) of one difference
    i − j are solved together, as one network whose branches are turned by so many places. Of all orders met and the one
    in which B is, the one with the largest Σ <A, T(B, G)> is kept.

    classes   both are canonical forms, and units move by elements of their classes
    """
    search = _Search(a, b, symmetry, classes)
    best = orders = {name: np.arange(symmetry.groups[name].size) for name in symmetry.branches}
    outside = search.outside(rng)
    value, _ = search.whole(orders, outside, rng)
    for number in range(ROUNDS):
        report("ordering the branches", number, ROUNDS)
        found = search.ordered(outside, rng)
        if number and all(np.array_equal(found[name], orders[name]) for name in found):
            break
        orders = found
        reached, outside = search.whole(orders, outside, rng)
        if reached > value:
            value, best = reached, orders
    return best


class _Search:
    def __init__(self, a: Network, b: Network, symmetry: Symmetry, classes: bool) -> None:
        self.a, self.b, self.symmetry, self.classes = a, b, symmetry, classes
        self.still = unbranched(symmetry)
        self.made = all_classes_objective if classes else weight_objective
        branches = symmetry.branches.values()
        self.own = {name for each in branches for family in each.tensors for name in family}
        self.touched = self.own | {name for each in branches for name, _ in each.axes}
        within = {name for each in branches for family in each.groups for name in family}
        self.within = within | {n for n, g in symmetry.groups.items() if g.within in within}

    def start(self) -> Elements:
        return {**identity(self.still)}

    def turned(self, orders: Perms) -> Network:
        """B with its branches in another order."""
        return self.b.with_state(regrouped(self.b.state, self.symmetry, orders))

    def whole(
        self, orders: Perms, outside: Mapping[str, np.ndarray], rng: np.random.Generator
    ) -> tuple[float, Elements]:
        """The objective that is reached with the branches in an order, and the elements there: the better of two
        starts, all in place and what is outside the branches as it is known."""
        objective = self.made(self.a, self.turned(orders), self.still)
        reached = best_of([sweep(objective, rng, start=_begun(objective, start)) for start in (outside, self.start())])
        return reached.history[-1], reached.elements

    def outside(self, rng: np.random.Generator) -> Elements:
        """The elements of the groups outside the branches, as far as other tensors tell."""
        objective = self.made(self.a, self.b, self.still)
        told = [term for term in objective.terms if not term.targets.keys() & self.touched]
        if not told:
            return self.start()
        objective = Objective(self.b, self.still, tuple(told), classes=self.classes)
        return sweep(objective, rng, start=_begun(objective, self.start())).elements

    def ordered(self, outside: Mapping[str, np.ndarray], rng: np.random.Generator) -> Perms:
        """The assignment of branches with everything outside them where it is."""
        sizes = {name: self.symmetry.groups[name].size for name in self.symmetry.branches}
        values = {name: np.zeros((size, size)) for name, size in sizes.items()}
        for turn in range(max(sizes.values())):
            orders = {name: (np.arange(size) + turn) % size for name, size in sizes.items()}
            moved = self._within(self.turned(orders), outside, rng)
            for name, size in sizes.items():
                if turn < size:
                    gains = _gains(self.symmetry.branches[name], size, self.a.state, moved)
                    values[name][np.arange(size), orders[name]] = gains
        return {name: np.asarray(nearest("permutation", value), dtype=np.int64) for name, value in values.items()}

    def _within(self, b: Network, outside: Mapping[str, np.ndarray], rng: np.random.Generator) -> Mapping[str, Tensor]:
        """The tensors of the branches with their units in the best order, and those that number them."""
        objective = self.made(self.a, b, self.still)
        terms = tuple(
            Term(term.targets, term.owners & self.within)
            for term in objective.terms
            if term.targets.keys() & self.touched
        )
        moved = {name: b.state[name] for name in self.touched}
        if not terms:
            return moved
        objective = Objective(b, self.still, terms, classes=self.classes)
        start = {name: x for name, x in outside.items() if name not in self.within}
        start = {**self.start(), **start}
        elements = sweep(objective, rng, start=_begun(objective, start)).elements if objective.blocks else start
        return {**moved, **objective.at(elements, objective.still.keys() & self.touched)}


def _begun(objective: Objective, elements: Mapping[str, np.ndarray]) -> Elements:
    """A start at which groups that rotate as a whole suit the tensors that carry nothing else, where they are judged
    and have not been moved."""
    position = Position(objective, elements)
    for block in objective.blocks:
        if block.turns and elements[block.name].dtype.kind == "i":
            position.place(block, objective.alone(block).nearest(block))
    return position.elements


def _gains(branches: Branches, count: int, a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> NDArray[np.float64]:
    """Σ a·b of every branch: over its own tensors and its parts of others."""
    total = np.zeros(count)
    for family in branches.tensors:
        total += [_dot(a[tensor], b[tensor]) for tensor in family]
    for tensor in dict.fromkeys(tensor for tensor, _ in branches.axes):
        number, axis = next((k, axis) for (t, k), axis in branches.axes.items() if t == tensor)
        owner = _owners(axis)
        both = (a[tensor].double() * b[tensor].double()).movedim(number, 0).reshape(len(owner), -1).sum(1).cpu().numpy()
        total += [both[owner == k].sum() for k in range(count)]
    return total


def _owners(axis: Axis) -> NDArray[np.int64]:
    """The branch of every position of an axis on which nothing but branches is a group; −1 where it is of none."""
    match axis:
        case Group(size=size):
            return np.arange(size)
        case Sum(parts):
            return np.concatenate([_owners(part) for part in parts])
        case Product(factors):
            owner = np.full(1, -1)
            for factor in map(_owners, factors):
                owner = np.maximum(owner[:, None], factor).ravel()
            return owner
        case Fixed(size):
            return np.full(size, -1)


def _dot(x: Tensor, y: Tensor) -> float:
    return float((x.double() * y.double()).sum()) if x.is_floating_point() else 0.0
