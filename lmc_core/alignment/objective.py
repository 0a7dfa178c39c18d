"""The objective of weight methods, its gradient for one group at a time, and the steps that never make it worse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from operator import is_not

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost, blocks
from lmc_core.alignment.coupling import Elements, Perms
from lmc_core.alignment.grams import Grams, Place, add
from lmc_core.alignment.moments import Moment
from lmc_core.alignment.terms import Term, constant_terms, entering_terms, real, weight_terms
from lmc_core.alignment.wiring import Wiring
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.classes import Element, as_permutation
from lmc_core.symmetry.move import Mover, Movers, moved
from lmc_core.symmetry.permute import permute
from lmc_core.symmetry.symmetry import Symmetry


class Objective:
    """F(P) = Σ over terms of <A, T(B, P)> (Ainsworth 2022, eq. 2), or its layer-wise and Σ-weighted forms.

    still       tensor name → B in its first order, only those that the terms need
    wiring      which terms judge which blocks, and what moves with these
    places      block name → where the terms that judge it meet its units
    linear      names of blocks in which all that judges them is linear, the groups nested in them included
    tolerance   block name → smallest change of its terms that is more than rounding in the type of the tensors

    Steps are permutations; with `classes` elements of the class of each group, as far as it is its own dual.
    """

    def __init__(self, moved: Network, symmetry: Symmetry, terms: tuple[Term, ...], *, classes: bool = False) -> None:
        self.symmetry = symmetry
        self.terms = terms
        self.classes = classes
        self.still = {name: real(moved.state[name]) for term in terms for name in term.targets}
        self.wiring = wiring = Wiring.of(symmetry, terms, classes=classes)
        self.places = {
            b.name: tuple(
                Place.of(terms[i].targets[name], self.still[name], name, number, b, symmetry)
                for i in wiring.judges[b.name]
                for name in terms[i].targets
                for number in wiring.axes[b.name].get(name, ())
            )
            for b in wiring.blocks
        }
        self.linear = frozenset(
            name
            for name, places in self.places.items()
            if name not in wiring.quadratic and not any(place.shared for place in places)
        )
        eps = max((torch.finfo(x.dtype).eps for x in self.still.values()), default=0.0)
        scales = [term.scale(self.still) for term in terms]
        self.tolerance = {name: 4 * eps * sum(scales[i] for i in judges) for name, judges in wiring.judges.items()}
        self._turning = frozenset(block.name for block in wiring.blocks if block.turns)
        more = {g.name for block in wiring.blocks for g in (block.outer, *block.inner) if g.kind != "permutation"}
        self._anew = frozenset(
            name
            for name, places in self.places.items()
            if any(moving.names & more for place in places for moving in place.movers)
        )
        self._movers: dict[str, tuple[Element, Mover]] = {}
        self._turned: dict[str, tuple[list[Element], Tensor]] = {}

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is solved at once, those that a term judges."""
        return self.wiring.blocks

    def at(self, elements: Mapping[str, Element], names: Iterable[str]) -> dict[str, Tensor]:
        """Some tensors of B, moved by elements that are their own inverse transposes."""
        if all(element.dtype.kind == "i" for element in elements.values()):
            still = {name: self.still[name] for name in names}
            return permute(still, self.symmetry, {name: as_permutation(e) for name, e in elements.items()})
        turned = {name: self.turned(name, elements) for name in names}
        return moved(turned, self.symmetry, self._moving(elements, elements.keys() - self._turning))

    def turned(self, name: str, elements: Mapping[str, Element]) -> Tensor:
        """A tensor of B in which the groups that turn as a whole are moved and all others are as they were.

        Kept until such a group moves: every other block that the tensor touches is judged from here.
        """
        groups = names_in(*self.symmetry.axes[name]) & self._turning & elements.keys()
        if not groups:
            return self.still[name]
        here = [elements[group] for group in sorted(groups)]
        known = self._turned.get(name)
        if known is None or len(known[0]) != len(here) or any(map(is_not, known[0], here)):
            made = moved({name: self.still[name]}, self.symmetry, self._moving(elements, groups))
            known = self._turned[name] = here, made[name]
        return known[1]

    def _moving(self, elements: Mapping[str, Element], groups: Iterable[str]) -> Movers:
        """What moves some groups, which are their own inverse transposes."""
        for name in groups:
            if name not in self._movers or self._movers[name][0] is not elements[name]:
                self._movers[name] = elements[name], Mover.of(elements[name])
        return {name: (self._movers[name][1],) * 2 for name in groups}

    def values(self, elements: Mapping[str, Element], numbers: Iterable[int]) -> dict[int, float]:
        """Of some terms, number → value at elements."""
        terms = {number: self.terms[number] for number in numbers}
        moved = self.at(elements, {name for term in terms.values() for name in term.targets})
        return {number: term.value(moved) for number, term in terms.items()}

    def alone(self, block: Block) -> BlockCost:
        """The part of a block's gradient that never changes: of tensors that carry no other group."""
        return BlockCost.of(block, {name: x.cpu().numpy() for name, x in self.fixed(block).items()})

    def anew(self, block: Block, elements: Mapping[str, Element]) -> Grams | None:
        """The gradient of a block that meets groups which are more than re-ordered, with everything else at `elements`;
        None for others. What such a group changes costs as much as the whole: all units of a tensor change at once.
        """
        if block.name not in self._anew:
            return None
        done = frozenset[str]() if block.name in self._turning else self._turning
        found: dict[str, Tensor] = {}
        for place in self.places[block.name]:
            moved = place.moved(elements, self.turned(place.name, elements) if done else None, done)
            if place.whole and block.name in found:  # in one go: large sums are what such a pass spends its time on
                a, b = place.rows(moved)
                found[block.name].addmm_(a, b.T)
            else:
                add(found, place.between(moved, elements))
        device = next(iter(self.still.values())).device
        return {
            name: found[name].double() if name in found else torch.zeros(shape, dtype=torch.float64, device=device)
            for name, shape in block.shapes().items()
        }

    def fixed(self, block: Block) -> Grams:
        """The same as tensors in float64; not kept: they are twice as large as a weight between two such blocks."""
        device = next(iter(self.still.values())).device
        total = {name: torch.zeros(shape, dtype=torch.float64, device=device) for name, shape in block.shapes().items()}
        for place in self.places[block.name]:
            if not place.movers:
                add(total, place.gram({}))
        return total


def weight_objective(reference: Network, moved: Network, symmetry: Symmetry, *, classes: bool = False) -> Objective:
    """Σ <A, T(B, P)> over all parameters, both the sides that write and that read (Ainsworth 2022, eq. 2).

    classes   steps are elements of the class of each group
    """
    terms = weight_terms(reference, symmetry)
    every = (*terms, *constant_terms(reference, moved, symmetry, terms))
    return Objective(moved, symmetry, every, classes=classes)


def all_classes_objective(reference: Network, moved: Network, symmetry: Symmetry) -> Objective:
    """Σ <A, T(B, G)> over all parameters with steps in the class of each group; groups that rotate as a whole, such as
    streams, are judged by Σ <A, T(B, G)> / ‖A‖‖B‖ instead: they meet many tensors of very different sizes, and the
    largest would decide alone.
    """
    every = weight_terms(reference, symmetry)
    sizes = {name: float(real(x).norm()) for name, x in moved.state.items()}
    turning = {block.name for block in blocks(symmetry, classes=True) if block.turns}
    terms = []
    for term in every:
        alike = {name: x / ((float(x.norm()) * sizes[name]) or 1.0) for name, x in term.targets.items()}
        terms += [
            Term(targets, owners)
            for targets, owners in ((term.targets, term.owners - turning), (alike, term.owners & turning))
            if owners
        ]
    constants = constant_terms(reference, moved, symmetry, every)
    return Objective(moved, symmetry, (*terms, *constants), classes=True)


def entering_objective(
    reference: Network,
    moved: Network,
    symmetry: Symmetry,
    moments: Sequence[Moment | None] | None = None,
    bias: bool = False,
    *,
    classes: bool = False,
) -> Objective:
    """Σ_l <W^A_l Σ_l, P_l W^B_l P_{l-1}ᵀ> over the weights that enter each layer (Ferbach 2024, §6).

    moments   one per contraction, of what the layer reads; None: Σ = I
    classes   steps are elements of the class of each group
    """
    terms = entering_terms(reference, symmetry, moments, bias)
    every = (*terms, *constant_terms(reference, moved, symmetry, terms))
    return Objective(moved, symmetry, every, classes=classes)


class Position:
    """B somewhere in the orbit of its symmetry: the elements, the cost of every block and the value of the objective.

    What is known is kept and brought up to date when it is asked for: a cost by the units that have moved since, the
    value by what steps gained according to their costs, where it is linear in a step.
    """

    def __init__(self, objective: Objective, elements: Mapping[str, Element]) -> None:
        self.objective = objective
        self.elements: Elements = dict(elements)
        self._costs: dict[str, tuple[Grams, Elements]] = {}
        self._values = [0.0] * len(objective.terms)
        self._stale = frozenset(range(len(objective.terms)))
        self._gained: float | None = None  # what the stale terms have gained together, where that is known

    @property
    def perms(self) -> Perms:
        """The order of the units, where nothing but that has changed."""
        return {name: as_permutation(element) for name, element in self.elements.items()}

    @property
    def total(self) -> float:
        """The objective: the sum of its terms, added without rounding in between, and what steps have gained since."""
        if self._gained is None:
            self._refresh()
        return fsum([*self._values, self._gained or 0.0])

    @property
    def exact(self) -> float:
        """The same with every term computed from its tensors as they are now."""
        self._refresh()
        return fsum(self._values)

    def _refresh(self) -> None:
        for number, value in self.objective.values(self.elements, self._stale).items():
            self._values[number] = value
        self._stale, self._gained = frozenset(), 0.0

    def cost(self, block: Block) -> BlockCost:
        """∂F/∂G of the terms that judge a block, with everything else as it is here, for B's units as they were.

        Its numbers are those of this position, which brings them up to date where the block is asked for again.
        """
        if (anew := self.objective.anew(block, self.elements)) is not None:
            return BlockCost.of(block, {name: x.cpu().numpy() for name, x in anew.items()})
        known = self._costs.get(block.name)
        total = self.objective.fixed(block) if known is None else known[0]
        for place in self.objective.places[block.name]:
            if place.movers:
                add(total, place.gram(self.elements) if known is None else place.change(known[1], self.elements))
        self._costs[block.name] = total, self.elements
        return BlockCost.of(block, {name: x.cpu().numpy() for name, x in total.items()})

    def step(self, block: Block) -> bool:
        """Solve one block and take the solution if its terms really grow. Returns whether anything moved.

        Where a block meets itself in a tensor the best linear step can overshoot: units are then rewarded for staying,
        twice as much each time, until a step is an improvement or nothing moves.
        """
        cost = self.cost(block)
        rewards = [0.0]
        if block.name in self.objective.wiring.quadratic:
            unit = cost.scale / block.outer.size / 8
            rewards += [unit * 2**k for k in range(16)]
        for reward in rewards:
            elements = cost.hold(block, self.elements, reward).nearest(block)
            if all(np.array_equal(element, self.elements[name]) for name, element in elements.items()):
                return False
            if self._take(block, elements, cost):
                return True
        return False

    def place(self, block: Block, elements: Mapping[str, Element]) -> None:
        """Move a block to `elements`, better or not."""
        self.elements = {**self.elements, **elements}
        self._stale |= self.objective.wiring.touched[block.name]
        self._gained = None

    def _take(self, block: Block, elements: Elements, cost: BlockCost) -> bool:
        """Move a block to `elements` if the terms that judge it grow by more than rounding.

        Where they are linear in the block they grow by what its cost says.
        """
        objective, judges = self.objective, frozenset(self.objective.wiring.judges[block.name])
        values: dict[int, float] = {}
        if block.name not in objective.linear:
            if judges & self._stale:
                self._refresh()
            values = objective.values({**self.elements, **elements}, judges)
            gain = fsum(value - self._values[number] for number, value in values.items())
        else:
            gain = cost.total(block, elements) - cost.total(block, self.elements)
        if not gain > objective.tolerance[block.name]:
            return False
        gained = None if self._gained is None else self._gained + gain
        self.place(block, elements)
        if objective.wiring.touched[block.name] <= judges and not values:
            self._gained = gained
        return True
