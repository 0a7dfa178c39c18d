"""Gram matrices between two networks: what pairs of units of a block are worth in one tensor, and how that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block
from lmc_core.alignment.meetings import gram, met
from lmc_core.symmetry.axis import Axis, Fixed, held_by, holders, names_in
from lmc_core.symmetry.classes import Element, as_permutation
from lmc_core.symmetry.move import Mover, move_tensor
from lmc_core.symmetry.permute import index, permute_tensor
from lmc_core.symmetry.symmetry import Symmetry

Grams = dict[str, Tensor]
"""Group → gains of placing its units, in the shapes of a cost: (n, n), or (N, n, N, n) for a nested group."""

AT_ONCE = 2**20
"""Numbers of a tensor that are looked at together as it changes: of wider layers one copy would be as large as they."""


@dataclass(frozen=True)
class Moving:
    """Axes of one tensor that move together.

    axes     their numbers: one, and those whose units lie within its units
    names    of the groups that move them
    whole    whether it is one axis that is the units of a group and nothing else
    """

    axes: tuple[int, ...]
    names: frozenset[str]
    whole: bool

    def order(self, elements: Mapping[str, Element]) -> np.ndarray | None:
        """How the positions of an axis that is whole are re-ordered; None where it is not, or does more than that."""
        if not self.whole:
            return None
        (name,) = self.names
        element = elements[name]
        return element if element.dtype.kind == "i" and element.ndim == 1 else None


@dataclass(frozen=True, eq=False)
class Place:
    """One axis of one tensor that holds units of a block.

    Its Gram matrix is Gram(A, T(B, P)) over this axis, with everything else contracted and moved but the block on this
    very axis, so that its columns are B's units as they were.

    target    A, or what stands for it in a term
    tensor    B in its first order
    axes      of both
    number    of the axis
    movers    what moves, axis by axis, those that hold units of others together with them
    shared    whether groups nested in the block lie in one product there: what one is worth depends on the others, so
              all are moved, and columns put back
    whole     whether the axis is the block's units and nothing else, so that nothing needs to be taken apart
    """

    target: Tensor
    tensor: Tensor
    name: str
    axes: tuple[Axis, ...]
    number: int
    block: Block
    symmetry: Symmetry
    movers: tuple[Moving, ...]
    shared: bool
    whole: bool

    @classmethod
    def of(cls, target: Tensor, tensor: Tensor, name: str, number: int, block: Block, symmetry: Symmetry) -> Place:
        """Axis `number` of the tensor of that name; what is held does not move."""
        axes = tuple(symmetry.axes[name])
        inside = held_by(axes, number)
        groups = {m: names_in(axis) for m, axis in enumerate(axes)}
        shared = (
            any(len(m.kept) > 1 for _, m in met((tensor,), (axes,), [number], block.name)) if block.inner else False
        )
        if not shared:
            for m in (number, *inside):
                groups[m] -= frozenset(block.names)
        together = [(m, *held_by(axes, m)) for m in range(len(axes)) if not holders(axes, m)]
        moving = [(some, frozenset().union(*(groups[m] for m in some))) for some in together]
        movers = tuple(
            Moving(some, names, len(some) == len(names) == 1 and axes[some[0]] == symmetry.groups[min(names)])
            for some, names in moving
            if names and name not in symmetry.held
        )
        whole = axes[number] == symmetry.groups[block.name] and not inside
        return cls(target, tensor, name, axes, number, block, symmetry, movers, shared, whole)

    def gram(self, elements: Mapping[str, Element]) -> Grams:
        """With everything else at `elements`."""
        return self.between(self.moved(elements), elements)

    def moved(
        self, elements: Mapping[str, Element], start: Tensor | None = None, done: frozenset[str] = frozenset()
    ) -> Tensor:
        """B with everything else at `elements`.

        start   B where the groups named in `done` are there already
        """
        found = self.tensor if start is None else start
        for moving in self.movers:
            if left := moving.names - done:
                found = self._along(found, replace(moving, names=left), elements)
        return found

    def between(self, moved: Tensor, elements: Mapping[str, Element]) -> Grams:
        """Gram(A, B) for B as `moved` gives it for the same elements."""
        found = self._grams(self.target, moved)
        return self._put_back(found, elements) if self.shared else found

    def rows(self, moved: Tensor) -> tuple[Tensor, Tensor]:
        """A and B as matrices, a row per unit, of a place that is whole: what its Gram matrix is the product of."""
        return self._rows(self.target), self._rows(moved)

    def _rows(self, x: Tensor) -> Tensor:
        return x.movedim(self.number, 0).flatten(1) if x.ndim > 1 else x[:, None]

    def change(self, before: Mapping[str, Element], after: Mapping[str, Element]) -> Grams:
        """What it gains when everything else goes from `before` to `after`: Gram(A, T(B, after) − T(B, before)).

        One axis after the other; of an axis that is re-ordered only those positions whose unit is another.
        """
        if self.shared:
            found = self.gram(after)
            add(found, {name: -x for name, x in self.gram(before).items()})
            return found
        found = {}
        for k, moving in enumerate(self.movers):
            for a, moved in self._moves(moving, before, after):
                for j, others in enumerate(self.movers):
                    if j != k:
                        moved = self._along(moved, others, after if j < k else before)
                add(found, self._grams(a, moved))
        return found

    def _moves(
        self, moving: Moving, before: Mapping[str, Element], after: Mapping[str, Element]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """A, and what B changes by where one of its axes goes from `before` to `after`, some positions at a time."""
        if all(before[name] is after[name] for name in moving.names):
            return
        if len(moving.axes) > 1 or not (_orders(moving.names, before) and _orders(moving.names, after)):
            yield self.target, self._along(self.tensor, moving, after) - self._along(self.tensor, moving, before)
            return
        (one,) = moving.axes
        was, now = (self._index(moving, elements) for elements in (before, after))
        if one == self.number:
            yield self.target, _select(self.tensor, one, now).sub_(_select(self.tensor, one, was))
            return
        other = np.flatnonzero(was != now)
        count = ceil(len(other) * self.tensor.numel() / len(was) / AT_ONCE)
        for some in np.array_split(other, count) if count else ():
            moved = _select(self.tensor, one, now[some]).sub_(_select(self.tensor, one, was[some]))
            yield _select(self.target, one, some), moved

    def _grams(self, a: Tensor, b: Tensor) -> Grams:
        if self.whole:
            x, y = self._rows(a), self._rows(b)
            return {self.block.name: x @ y.T}
        found = Grams()
        for (x, y), meeting in met((a, b), (self.axes, self.axes), [self.number], self.block.name):
            for group, keep in meeting.kept:  # several nested groups in one product share its value
                add(found, {group: gram(x, y, keep) / len(meeting.kept)})
        return found

    def _put_back(self, grams: Grams, elements: Mapping[str, Element]) -> Grams:
        """Columns for units as elements have moved them → for units as they were: Gram(A, B) = Gram(A, G B) G."""
        found = {}
        for name, x in grams.items():
            back = torch.empty_like(x)
            for i, j in enumerate(as_permutation(elements[self.block.name])):
                element, moved = elements[name][i], x[:, :, i]
                if element.dtype.kind == "i":
                    back[:, :, j] = _select(moved, 2, np.argsort(element))
                else:
                    back[:, :, j] = moved @ torch.as_tensor(element, dtype=x.dtype, device=x.device)
            found[name] = back
        return found

    def _index(self, moving: Moving, elements: Mapping[str, Element]) -> np.ndarray:
        if (order := moving.order(elements)) is not None:
            return order
        perms = {name: as_permutation(elements[name]) for name in moving.names}
        return index(self.axes[moving.axes[0]], perms, self.symmetry)

    def _along(self, x: Tensor, moving: Moving, elements: Mapping[str, Element]) -> Tensor:
        if (order := moving.order(elements)) is not None:
            still = bool((order == np.arange(len(order))).all())
            return x if still else _select(x, moving.axes[0], order)
        numbers, names = moving.axes, moving.names
        axes = [axis if n in numbers else Fixed(axis.size) for n, axis in enumerate(self.axes)]
        if _orders(names, elements):
            return permute_tensor(x, axes, {name: as_permutation(elements[name]) for name in names}, self.symmetry)
        movers = {name: (Mover.of(elements[name]),) * 2 for name in names}
        reads = [self.symmetry.roles.get((self.name, n)) == "read" for n in range(len(axes))]
        return move_tensor(x, axes, reads, movers, self.symmetry.groups)


def add(total: Grams, others: Grams) -> None:
    """Others added into a sum that is the caller's own; in place: of wide layers a new sum takes as much as a model."""
    for name, x in others.items():
        known = total.get(name)
        if known is None:
            total[name] = x
        elif torch.promote_types(known.dtype, x.dtype) == known.dtype:
            known.add_(x)
        else:
            total[name] = known + x


def _orders(names: frozenset[str], elements: Mapping[str, Element]) -> bool:
    return all(elements[name].dtype.kind == "i" for name in names)


def _select(x: Tensor, axis: int, order: np.ndarray) -> Tensor:
    return x.index_select(axis, torch.from_numpy(order).to(x.device))
