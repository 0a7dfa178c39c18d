"""Sizes of units balanced: the positive scales of `scaled` groups at which the weights are smallest (Stock 2019).

    minimise Σ ‖tensor‖²:   s_j ← s_j · (out_j / in_j)^¼,   in_j, out_j the squared norms of what makes unit j and of
    what uses it, one group after the other until nothing moves

The sum is convex in log s, so what is reached does not depend on where it started.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.permute import outer_units
from lmc_core.symmetry.symmetry import Symmetry

SWEEPS = 2000
STILL = 1e-13
"""Of the largest change of a logarithm in a sweep: nothing moves."""


@dataclass(frozen=True, eq=False)
class Mark:
    """Along one axis of a tensor: which unit of a group each position is, −1: none, and whether it makes or uses it."""

    group: str
    units: Tensor
    sign: int


@dataclass(frozen=True, eq=False)
class Sizes:
    """Squares of one tensor, summed over the axes without marks."""

    squares: Tensor
    marks: tuple[tuple[Mark, ...], ...]


def scales(state: Mapping[str, Tensor], symmetry: Symmetry, groups: Collection[str]) -> dict[str, Tensor]:
    """Group → (units,) the factor of each unit where it is made; (N, units) for one nested in N outer units.

    A unit that nothing makes, or nothing uses, stays as it is.
    """
    sizes = list(_sizes(state, symmetry, groups))
    logs = {g: torch.zeros(outer_units(symmetry, g) * symmetry.groups[g].size, dtype=torch.float64) for g in groups}
    places = {
        g: [(k, a) for k, s in enumerate(sizes) for a in range(len(s.marks)) if _on(s.marks[a], g)] for g in groups
    }
    for _ in range(SWEEPS):
        moved = 0.0
        for group in groups:
            made, used = torch.zeros_like(logs[group]), torch.zeros_like(logs[group])
            for number, axis in places[group]:
                row = _squares(sizes[number], axis, logs)
                for mark in sizes[number].marks[axis]:
                    if mark.group == group:
                        there = mark.units >= 0
                        (made if mark.sign > 0 else used).index_add_(0, mark.units[there], row[there])
            alive = (made > 0) & (used > 0)
            change = torch.where(alive, (used / made).log() / 4, 0.0)
            change = change.nan_to_num(0.0, 0.0, 0.0)
            if len({number for number, _ in places[group]}) < len(places[group]):
                change = change / 2  # a tensor that both makes and uses them would answer
            logs[group] += change
            moved = max(moved, float(change.abs().amax()))
        if moved <= STILL:
            break
    return {
        g: x.exp().view(-1, symmetry.groups[g].size) if symmetry.groups[g].within else x.exp() for g, x in logs.items()
    }


def _on(marks: tuple[Mark, ...], group: str) -> bool:
    return any(mark.group == group for mark in marks)


def _squares(sizes: Sizes, axis: int, logs: Mapping[str, Tensor]) -> Tensor:
    """(n,) squared norms along one axis at the present scales."""
    left = sizes.squares
    for number in reversed(range(left.ndim)):
        weights = torch.ones(left.shape[number], dtype=torch.float64)
        for mark in sizes.marks[number]:
            weights = weights * torch.where(mark.units >= 0, (2 * mark.sign * logs[mark.group][mark.units]).exp(), 1.0)
        if number == axis:
            left = left * weights.view([-1 if k == number else 1 for k in range(left.ndim)])
        else:
            left = torch.tensordot(left, weights, dims=([number], [0]))
    return left


def _sizes(state: Mapping[str, Tensor], symmetry: Symmetry, groups: Collection[str]) -> Iterator[Sizes]:
    for name, x in state.items():
        axes = symmetry.axes.get(name, ())
        marks = [_marks(axis, symmetry.roles.get((name, k)) == "read", groups) for k, axis in enumerate(axes)]
        if name in symmetry.held or not any(marks) or not x.is_floating_point():
            continue
        gone = tuple(k for k, some in enumerate(marks) if not some)
        squares = x.double().square()
        yield Sizes(squares.sum(gone) if gone else squares, tuple(some for some in marks if some))


def _marks(axis: Axis, reads: bool, groups: Collection[str]) -> tuple[Mark, ...]:
    found = []
    for name in dict.fromkeys(g.name for g in groups_in(axis) if g.name in groups):
        for dual in (False, True):
            units = _units(axis, name, dual, 0)
            if bool((units >= 0).any()):
                found.append(Mark(name, units, -1 if reads != dual else 1))
    return tuple(found)


def _units(axis: Axis, name: str, dual: bool, row: int) -> Tensor:
    """(n,) which unit of a group each position of an axis is; `row`: of its outer unit."""
    match axis:
        case Fixed(size):
            return torch.full((size,), -1)
        case Group(own, size):
            mine = own == name and axis.dual == dual
            return torch.arange(row * size, (row + 1) * size) if mine else torch.full((size,), -1)
        case Sum(parts):
            return torch.cat([_units(part, name, dual, row) for part in parts])
        case Product(factors):
            first, rest = factors[0], Product(factors[1:]) if len(factors) > 2 else factors[1]
            outer = isinstance(first, Group) and any(g.within == first.name for g in groups_in(rest))
            inside = torch.stack([_units(rest, name, dual, k if outer else row) for k in range(first.size)])
            around = _units(first, name, dual, row)[:, None].expand(inside.shape)
            return torch.where(inside >= 0, inside, around).flatten()
