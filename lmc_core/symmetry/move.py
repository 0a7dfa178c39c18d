"""How a state moves by elements of the classes of its groups: by G where units are made, by G⁻ᵀ where they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, joint, names_in
from lmc_core.symmetry.classes import (
    Element,
    as_matrix,
    as_permutation,
    draw,
    inverse_transpose,
    is_monomial,
    stacked,
)
from lmc_core.symmetry.permute import (
    compose,
    from_outside,
    handed_on,
    identity,
    inside,
    invert,
    lies_under,
    outer_rows,
    outer_units,
    permute,
    regrouped,
    row_of,
    within_one,
)
from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Mover:
    """A matrix on one axis; one that only re-orders and scales is kept as an order and factors.

    matrix   (n, n) or (N, n, n); None where there is an order
    order    (n,) or (N, n)
    factor   (n,) or (N, n): of every unit at its new place; None: 1
    """

    matrix: Tensor | None = None
    order: Tensor | None = None
    factor: Tensor | None = None

    @classmethod
    def of(cls, element: Element) -> Mover:
        """An element as it multiplies tensors."""
        if element.dtype.kind == "i":
            return cls(order=torch.as_tensor(element))
        if is_monomial(element):
            order = np.abs(element).argmax(-1)
            factor = np.take_along_axis(element, order[..., None], -1)[..., 0]
            return cls(order=torch.as_tensor(order), factor=torch.as_tensor(factor))
        return cls(matrix=torch.as_tensor(element))

    def at(self, row: int) -> Mover:
        """For one outer unit of a nested group."""
        return Mover(*(None if x is None else x[row] for x in (self.matrix, self.order, self.factor)))

    def __call__(self, x: Tensor, dim: int) -> Tensor:
        """One axis of a tensor multiplied."""
        if self.matrix is not None:
            return torch.tensordot(x, self.matrix.to(x), dims=([dim], [1])).movedim(-1, dim)
        assert self.order is not None
        x = x.index_select(dim, self.order.to(x.device))
        if self.factor is None:
            return x
        return x * self.factor.to(x).reshape([-1 if k == dim else 1 for k in range(x.ndim)])

    def inside(self, x: Tensor, outer: int, dim: int) -> Tensor:
        """The same for a nested group, all rows at once: row i where the axis `outer` is at i."""
        front = x.movedim((outer, dim), (0, 1))
        rows = front.reshape(*front.shape[:2], -1)
        if self.matrix is not None:
            rows = torch.bmm(self.matrix.to(rows), rows)
        else:
            assert self.order is not None
            number = torch.arange(len(rows), device=x.device)[:, None]
            rows = rows[number, self.order.to(x.device)]
            if self.factor is not None:
                rows = rows * self.factor.to(rows)[..., None]
        return rows.reshape(front.shape).movedim((0, 1), (outer, dim))


Movers = Mapping[str, tuple[Mover, Mover]]
"""Group → what moves it where units are made, and where they are used."""

Groups = Mapping[str, Group]


def move(state: Mapping[str, Tensor], symmetry: Symmetry, elements: Mapping[str, Element]) -> dict[str, Tensor]:
    """The state with its units moved by elements of their classes: the same function.

    elements   group → element; groups that are not named stay. A group with others nested in it is only re-ordered
    """
    if all(element.dtype.kind == "i" for element in elements.values()):
        return permute(state, symmetry, {name: np.asarray(e, dtype=np.int64) for name, e in elements.items()})
    orders = {name: as_permutation(elements[name]) for name in symmetry.branches if name in elements}
    left = inside(symmetry, elements)
    movers = {g: (Mover.of(e), Mover.of(inverse_transpose(e))) for g, e in left.items()}
    return moved(regrouped(state, symmetry, orders), symmetry, movers)


def moved(state: Mapping[str, Tensor], symmetry: Symmetry, movers: Movers) -> dict[str, Tensor]:
    """The same with tensors as movers, differentiable in them. What is held stays, and what no mover touches."""
    made = {}
    for name, x in state.items():
        axes = symmetry.axes.get(name, ())
        if name in symmetry.held or not names_in(*axes) & movers.keys():
            made[name] = x
            continue
        y = x if x.dtype in (torch.float32, torch.float64) or not x.is_floating_point() else x.float()
        reads = tuple(symmetry.roles.get((name, number)) == "read" for number in range(len(axes)))
        made[name] = move_tensor(y, axes, reads, movers, symmetry.groups).to(x.dtype)
    return made


def move_tensor(x: Tensor, axes: Sequence[Axis], reads: Sequence[bool], movers: Movers, groups: Groups) -> Tensor:
    """One tensor with these axes, moved on all of them.

    reads   whether the tensor uses the units of each axis, not makes them
    """
    for number, held in from_outside(axes):
        if not held:
            x = along(x, number, axes[number], movers, groups, reads=reads[number])
            continue
        dims, axis = joint(axes, number)
        around = names_in(*(axes[k] for k in held))
        own = {name: pair for name, pair in movers.items() if name not in around}
        if names_in(axis) & own.keys():
            x = within_one(x, dims, partial(along, dim=0, axis=axis, movers=own, groups=groups, reads=reads[number]))
    return x


def along(x: Tensor, dim: int, axis: Axis, movers: Movers, groups: Groups, *, reads: bool) -> Tensor:
    """A tensor moved on one axis alone.

    reads   whether the tensor uses the units of this axis, not makes them
    """
    return _along(x, dim, axis, reads, movers, {}, groups)


def _along(
    x: Tensor, dim: int, axis: Axis, reads: bool, movers: Movers, at: Mapping[str, int], groups: Groups
) -> Tensor:
    """`at`: outer group → the place that is being filled."""
    match axis:
        case Fixed():
            return x
        case Group(name):
            if name not in movers:
                return x
            mover = movers[name][reads != axis.dual]
            return (mover if axis.within is None else mover.at(row_of(axis, at, groups)))(x, dim)
        case Sum(parts):
            blocks = x.split([part.size for part in parts], dim)
            moved = [_along(b, dim, p, reads, movers, at, groups) for b, p in zip(blocks, parts, strict=True)]
            return torch.cat(moved, dim)
        case Product(factors):
            sizes = [factor.size for factor in factors]
            return _factors(x.unflatten(dim, sizes), dim, factors, reads, movers, at, groups).flatten(
                dim, dim + len(factors) - 1
            )


def _factors(
    x: Tensor, dim: int, factors: tuple[Axis, ...], reads: bool, movers: Movers, at: Mapping[str, int], groups: Groups
) -> Tensor:
    if not factors:
        return x
    first, *others = factors
    rest = tuple(others)
    if isinstance(first, Group) and any(lies_under(g, first.name, groups) for f in rest for g in groups_in(f)):
        order: Tensor | None = None
        if first.name in movers:
            mover = movers[first.name][0]
            order = (mover if first.within is None else mover.at(row_of(first, at, groups))).order
            assert order is not None, "a group with others nested in it is only re-ordered"
        if first.within is None and all(_lies_directly_in(factor, first) for factor in rest):
            x = x if order is None else x.index_select(dim, order.to(x.device))
            for number, factor in enumerate(rest, dim + 1):
                if isinstance(factor, Group) and factor.name in movers:
                    x = movers[factor.name][reads != factor.dual].inside(x, dim, number)
            return x
        places = range(first.size) if order is None else order.tolist()
        rows = [
            _factors(x.select(dim, source), dim, rest, reads, movers, {**at, first.name: place}, groups)
            for place, source in enumerate(places)
        ]
        return torch.stack(rows, dim)
    moved = _along(x, dim, first, reads, movers, at, groups)
    return _factors(moved, dim + 1, rest, reads, movers, at, groups)


def _lies_directly_in(factor: Axis, outer: Group) -> bool:
    """Whether a factor is units of a group nested directly in another, or no units at all."""
    return isinstance(factor, Fixed) or (isinstance(factor, Group) and factor.within == outer.name)


def random_elements(
    symmetry: Symmetry, rng: np.random.Generator, groups: tuple[str, ...] | None = None
) -> dict[str, Element]:
    """A random element of the class of every group (or of those named), never the identity; nested ones per unit."""
    drawn: dict[str, Element] = {}
    for name in symmetry.groups if groups is None else groups:
        group = symmetry.groups[name]
        rows = [draw(group.kind, group.size, rng) for _ in range(outer_units(symmetry, name))]
        drawn[name] = rows[0] if group.within is None else stacked(rows)
    return drawn


def composed(first: Mapping[str, Element], second: Mapping[str, Element], symmetry: Symmetry) -> dict[str, Element]:
    """One step for two, of elements of all groups: move(s, composed(g, h)) = move(move(s, g), h)."""
    p, q = _orders(first, symmetry), _orders(second, symmetry)
    made: dict[str, Element] = {**compose(p, q, symmetry)}
    first = handed_on(first, symmetry, q)
    for name, group in symmetry.groups.items():
        if first[name].dtype.kind == second[name].dtype.kind == "i":
            continue
        before, after = as_matrix(first[name]), as_matrix(second[name])
        rows = slice(None) if group.within is None else outer_rows(symmetry, name, q)
        made[name] = np.asarray(after @ before[rows])
    return made


def inverted(elements: Mapping[str, Element], symmetry: Symmetry) -> dict[str, Element]:
    """Elements of all groups that undo others: move(move(s, g), inverted(g)) = s."""
    orders = _orders(elements, symmetry)
    made: dict[str, Element] = {**invert(inside(symmetry, orders), symmetry)}
    for name, element in elements.items():
        if element.dtype.kind != "i":
            rows = slice(None) if symmetry.groups[name].within is None else outer_rows(symmetry, name, orders)
            made[name] = np.empty_like(element)
            made[name][rows] = inverse_transpose(element).swapaxes(-1, -2)
    back = {name: np.argsort(orders[name]) for name in symmetry.branches}
    return handed_on({**made, **back}, symmetry, back)


def _orders(elements: Mapping[str, Element], symmetry: Symmetry) -> dict[str, NDArray[np.int64]]:
    """The permutations among elements; groups that are moved by matrices stay."""
    found = {name: as_permutation(element) for name, element in elements.items() if element.dtype.kind == "i"}
    return {**identity(symmetry), **found}
