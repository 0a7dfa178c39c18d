"""The objective of weight methods, its gradient for one group at a time, and the steps that never make it worse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost, blocks
from lmc_core.alignment.coupling import Elements, Perms
from lmc_core.alignment.meetings import gram, met
from lmc_core.alignment.moments import Moment
from lmc_core.alignment.terms import Term, constant_terms, entering_terms, real, weight_terms
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Axis, Product, Sum, groups_in, names_in
from lmc_core.symmetry.classes import Element, as_permutation
from lmc_core.symmetry.move import Mover, moved
from lmc_core.symmetry.permute import permute
from lmc_core.symmetry.symmetry import Symmetry


class Objective:
    """F(P) = Σ over terms of <A, T(B, P)> (Ainsworth 2022, eq. 2), or its layer-wise and Σ-weighted forms.

    still       tensor name → B in its first order, only those that the terms need
    blocks      what is solved at once, those that a term judges
    judges      block name → numbers of the terms that judge it
    tensors     block name → names of the tensors that move with it
    quadratic   names of blocks that meet themselves in one tensor: a best linear step may then not be an improvement
    entangled   whether any block is, or shares a product with another: a pass from input to output is then not exact
    tolerance   block name → smallest change of its terms that is more than rounding in the type of the tensors

    Steps are permutations; with `classes` elements of the class of each group, as far as it is its own dual.
    """

    def __init__(self, moved: Network, symmetry: Symmetry, terms: tuple[Term, ...], *, classes: bool = False) -> None:
        self.symmetry = symmetry
        self.terms = terms
        self.classes = classes
        self.still = {name: real(moved.state[name]) for term in terms for name in term.targets}
        self.blocks = tuple(b for b in blocks(symmetry, classes=classes) if any(set(b.names) & t.owners for t in terms))
        self.judges = {b.name: [i for i, t in enumerate(terms) if set(b.names) & t.owners] for b in self.blocks}
        self.tensors = {b.name: [name for name in self.still if symmetry.places(name, b.name)] for b in self.blocks}
        self.quadratic = frozenset(
            b.name
            for b in self.blocks
            if any(len(symmetry.places(name, b.name)) > 1 for i in self.judges[b.name] for name in terms[i].targets)
        )
        products = [
            {g.name for g in groups_in(part) if g.within is None}
            for name in self.still
            for axis in symmetry.axes[name]
            for part in _products(axis)
        ]
        self.entangled = bool(self.quadratic) or any(len(names) > 1 for names in products)
        eps = max((torch.finfo(x.dtype).eps for x in self.still.values()), default=0.0)
        scales = [term.scale(self.still) for term in terms]
        self.tolerance = {name: 4 * eps * sum(scales[i] for i in judges) for name, judges in self.judges.items()}
        self._fixed: dict[str, dict[str, Tensor]] = {}
        self._movers: dict[str, tuple[Element, Mover]] = {}

    def at(self, elements: Mapping[str, Element], names: Iterable[str]) -> dict[str, Tensor]:
        """Some tensors of B, moved by elements that are their own inverse transposes."""
        still = {name: self.still[name] for name in names}
        if all(element.dtype.kind == "i" for element in elements.values()):
            return permute(still, self.symmetry, {name: as_permutation(e) for name, e in elements.items()})
        for name, element in elements.items():
            if name not in self._movers or self._movers[name][0] is not element:
                self._movers[name] = element, Mover.of(element)
        return moved(still, self.symmetry, {name: (self._movers[name][1],) * 2 for name in elements})

    def neighbours(self, block: Block) -> frozenset[str]:
        """Names of the blocks whose cost changes when this one moves (itself, if it is quadratic)."""
        moving = set(self.tensors[block.name])
        return frozenset(
            other.name
            for other in self.blocks
            if (other.name != block.name or block.name in self.quadratic)
            and any(moving & set(self.terms[i].targets) for i in self.judges[other.name])
        )

    def gradient(self, block: Block, moved: Mapping[str, Tensor], elements: Mapping[str, Element]) -> BlockCost:
        """∂F/∂G of the terms that judge a block, with everything else at `elements`, for B's units as they were.

        Every tensor is taken with all groups as they are now; its Gram matrix with the reference along each axis that
        carries the block, all other axes contracted, has columns for units as they are now, and Gram(A, B) =
        Gram(A, G B) G for every element that is its own inverse transpose: they are put back.

        moved    the tensors of B, moved by `elements`
        """
        total = self._zeros(block)
        for i in self.judges[block.name]:
            for name in self.terms[i].targets:
                if not self._is_fixed(name, block):
                    self._add_grams(total, self.terms[i], name, block, moved)
        back = self._zeros(block)
        place = elements[block.name]
        back[block.name] += _put_back(total[block.name], place)
        for group in block.inner:  # column (i, l): unit l, as it is now, of the source's outer unit place[i]
            for i, j in enumerate(as_permutation(place)):
                back[group.name][:, :, j] += _put_back(total[group.name][:, :, i], elements[group.name][i])
        fixed = self._fixed_grams(block)
        return BlockCost.of(block, {name: (x + fixed[name]).cpu().numpy() for name, x in back.items()})

    def alone(self, block: Block) -> BlockCost:
        """The part of a block's gradient that never changes: of tensors that carry no other group."""
        return BlockCost.of(block, {name: x.cpu().numpy() for name, x in self._fixed_grams(block).items()})

    def _fixed_grams(self, block: Block) -> dict[str, Tensor]:
        """The same, computed once."""
        if block.name not in self._fixed:
            total = self._zeros(block)
            for i in self.judges[block.name]:
                for name in self.terms[i].targets:
                    if self._is_fixed(name, block):
                        self._add_grams(total, self.terms[i], name, block, self.still)
            self._fixed[block.name] = total
        return self._fixed[block.name]

    def _is_fixed(self, name: str, block: Block) -> bool:
        alone = names_in(*self.symmetry.axes[name]) <= set(block.names)
        return alone and len(self.symmetry.places(name, block.name)) == 1 and not block.inner

    def _add_grams(
        self, total: dict[str, Tensor], term: Term, name: str, block: Block, moved: Mapping[str, Tensor]
    ) -> None:
        axes = self.symmetry.axes[name]
        for number in self.symmetry.places(name, block.name):
            for (a, b), meeting in met((term.targets[name], moved[name]), (axes, axes), [number], block.name):
                for group, keep in meeting.kept:  # several nested groups in one product share its value
                    total[group] += gram(a, b, keep) / len(meeting.kept)

    def _zeros(self, block: Block) -> dict[str, Tensor]:
        """An empty gradient in float64."""
        device = next(iter(self.still.values())).device
        shapes = block.shapes().items()
        return {name: torch.zeros(shape, dtype=torch.float64, device=device) for name, shape in shapes}


def _put_back(gram: Tensor, element: Element) -> Tensor:
    """Columns for units as an element has moved them → for units as they were."""
    if element.dtype.kind == "i":
        return gram[..., torch.as_tensor(np.argsort(element), device=gram.device)]
    return gram @ torch.as_tensor(element, dtype=gram.dtype, device=gram.device)


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


def _products(axis: Axis) -> Iterator[Product]:
    match axis:
        case Product():
            yield axis
        case Sum(parts):
            for part in parts:
                yield from _products(part)


class Position:
    """B somewhere in the orbit of its symmetry: the elements, the moved tensors and the value of every term."""

    def __init__(self, objective: Objective, elements: Mapping[str, Element]) -> None:
        self.objective = objective
        self.elements: Elements = dict(elements)
        self.moved = objective.at(self.elements, objective.still)
        self.values = [term.value(self.moved) for term in objective.terms]

    @property
    def perms(self) -> Perms:
        """The order of the units, where nothing but that has changed."""
        return {name: as_permutation(element) for name, element in self.elements.items()}

    @property
    def total(self) -> float:
        """The objective: the sum of its terms, added without rounding in between."""
        return fsum(self.values)

    def cost(self, block: Block) -> BlockCost:
        """Gradient of the block's terms with respect to its coupling, here."""
        return self.objective.gradient(block, self.moved, self.elements)

    def step(self, block: Block) -> bool:
        """Solve one block and take the solution if its terms really grow. Returns whether anything moved.

        Where a block meets itself in a tensor the best linear step can overshoot: units are then rewarded for staying,
        twice as much each time, until a step is an improvement or nothing moves.
        """
        cost = self.cost(block)
        unit = cost.scale / block.outer.size / 8
        quadratic = block.name in self.objective.quadratic
        for reward in (0.0, *(unit * 2**k for k in range(16 if quadratic else 0))):
            elements = cost.hold(block, self.elements, reward).nearest(block)
            if all(np.array_equal(element, self.elements[name]) for name, element in elements.items()):
                return False
            if self._take(block, elements):
                return True
        return False

    def place(self, block: Block, elements: Mapping[str, Element]) -> None:
        """Move a block to `elements`, better or not."""
        trial, moved, values = self._after(block, elements)
        for i in self._others(block):
            values[i] = self.objective.terms[i].value(moved)
        self.elements, self.moved, self.values = trial, moved, values

    def _take(self, block: Block, elements: Mapping[str, Element]) -> bool:
        """Move a block to `elements` if the terms that judge it grow by more than rounding."""
        trial, moved, values = self._after(block, elements)
        gain = fsum(values[i] - self.values[i] for i in self.objective.judges[block.name])
        if not gain > self.objective.tolerance[block.name]:
            return False
        for i in self._others(block):
            values[i] = self.objective.terms[i].value(moved)
        self.elements, self.moved, self.values = trial, moved, values
        return True

    def _after(self, block: Block, elements: Mapping[str, Element]) -> tuple[Elements, dict[str, Tensor], list[float]]:
        """Elements, tensors, and the values of the terms that judge a block, once it has moved."""
        objective = self.objective
        trial = {**self.elements, **elements}
        moved = {**self.moved, **objective.at(trial, objective.tensors[block.name])}
        values = list(self.values)
        for i in objective.judges[block.name]:
            values[i] = objective.terms[i].value(moved)
        return trial, moved, values

    def _others(self, block: Block) -> list[int]:
        """Terms that a block changes without being judged by them."""
        moving, judges = set(self.objective.tensors[block.name]), self.objective.judges[block.name]
        terms = self.objective.terms
        return [i for i, term in enumerate(terms) if i not in judges and not moving.isdisjoint(term.targets)]
