"""Sizes of units balanced: the positive scales of `scaled` groups, and of the pairs of `complex` ones, at which the
weights are smallest (Stock 2019).

    minimise Σ ‖tensor‖²:   s_j ← s_j · (out_j / in_j)^¼,   in_j, out_j the squared norms of what makes unit j and of
    what uses it, one group after the other until nothing moves

The sum is convex in log s, so what is reached does not depend on where it started.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, held_by, holders, names_in
from lmc_core.symmetry.classes import pairs
from lmc_core.symmetry.permute import outer_units
from lmc_core.symmetry.symmetry import Symmetry

SWEEPS = 300
STILL = 1e-12
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


Logs = dict[str, Tensor]
"""Group → (units,) logarithms of the factors."""


def scales(state: Mapping[str, Tensor], symmetry: Symmetry, groups: Collection[str]) -> dict[str, Tensor]:
    """Group → (units,) the factor of each unit where it is made; (N, units) for one nested in N outer units.

    A unit that nothing makes, or nothing uses, stays as it is.
    """
    logs = {g: torch.zeros(outer_units(symmetry, g) * symmetry.groups[g].size, dtype=torch.float64) for g in groups}
    sizes = list(_sizes(state, symmetry, groups))
    partners = {g: found for g in groups if (found := _partners(symmetry, g)) is not None}

    def sides(group: str) -> tuple[Tensor, Tensor]:
        made, used = _sides(sizes, group, logs)
        if group not in partners:
            return made, used
        return made + made[partners[group]], used + used[partners[group]]

    alive = {group: torch.stack(sides(group)).amin(0) > 0 for group in logs}
    sizes = [_living(some, alive) for some in sizes]
    for _ in range(SWEEPS):
        moved = 0.0
        for group in groups:
            made, used = sides(group)
            change = torch.where(alive[group], used / made, 1.0).log() / 4
            if any(sum(_on(marks, group) for marks in some.marks) > 1 for some in sizes):
                change = change / 2  # a tensor that both makes and uses them answers to each step
            logs[group] += change
            moved = max(moved, float(change.abs().amax()))
        if moved <= STILL:
            break
        if len(groups) > 1:
            for group, factor in _together(sizes, logs).items():
                logs[group] += torch.where(alive[group], factor, 0.0)
    return {
        g: x.exp().view(-1, symmetry.groups[g].size) if symmetry.groups[g].within else x.exp() for g, x in logs.items()
    }


def _partners(symmetry: Symmetry, group: str) -> Tensor | None:
    """(units,) the other unit of every rotary pair, which has the same factor; None of other classes."""
    n = symmetry.groups[group].size
    found = pairs(symmetry.groups[group].kind, n)
    if found is None:
        return None
    first, second = found
    other = torch.empty(n, dtype=torch.int64)
    other[first], other[second] = torch.as_tensor(second), torch.as_tensor(first)
    return (torch.arange(outer_units(symmetry, group))[:, None] * n + other).flatten()


def _on(marks: tuple[Mark, ...], group: str) -> bool:
    return any(mark.group == group for mark in marks)


def _sides(sizes: Sequence[Sizes], group: str, logs: Logs) -> tuple[Tensor, Tensor]:
    """(units,) squared norms of what makes and of what uses each unit, at the present scales."""
    made, used = torch.zeros_like(logs[group]), torch.zeros_like(logs[group])
    for some in sizes:
        for axis, marks in enumerate(some.marks):
            if not _on(marks, group):
                continue
            row = some.squares
            for number in reversed(range(row.ndim)):
                weights = _weights(some, number, logs)
                if number != axis:
                    row = torch.tensordot(row, weights, dims=([number], [0]))
            row = row * _weights(some, axis, logs)
            for mark in marks:
                if mark.group == group:
                    there = mark.units >= 0
                    (made if mark.sign > 0 else used).index_add_(0, mark.units[there], row[there])
    return made, used


def _weights(sizes: Sizes, axis: int, logs: Logs) -> Tensor:
    """(n,) what the squares along one axis are multiplied by."""
    weights = torch.ones(sizes.squares.shape[axis], dtype=torch.float64)
    for mark in sizes.marks[axis]:
        weights = weights * torch.where(mark.units >= 0, (2 * mark.sign * logs[mark.group][mark.units]).exp(), 1.0)
    return weights


def _living(sizes: Sizes, alive: Mapping[str, Tensor]) -> Sizes:
    """The same without marks of units that nothing makes, or nothing uses."""

    def kept(mark: Mark) -> Mark:
        there = (mark.units >= 0) & alive[mark.group][mark.units]
        return Mark(mark.group, torch.where(there, mark.units, -1), mark.sign)

    return Sizes(sizes.squares, tuple(tuple(map(kept, marks)) for marks in sizes.marks))


def _together(sizes: Sequence[Sizes], logs: Logs) -> dict[str, Tensor]:
    """The logarithm of one factor for all units of each group, the best of these, which single units would pass on only
    layer by layer.

    The sum of squares is Σ_k e_k exp(2 f_k·c) in the logarithms c of these factors, minimised by Newton's method.
    """
    groups = list(logs)
    energies, factors = [], []
    for some in sizes:
        energy, moves = some.squares, []
        for axis, marks in enumerate(some.marks):
            signs = torch.zeros(some.squares.shape[axis], len(groups), dtype=torch.int64)
            for mark in marks:
                signs[:, groups.index(mark.group)] += torch.where(mark.units >= 0, mark.sign, 0)
            kinds, which = signs.unique(dim=0, return_inverse=True)
            chosen = torch.nn.functional.one_hot(which, len(kinds)).double() * _weights(some, axis, logs)[:, None]
            energy = torch.tensordot(energy, chosen, dims=([0], [0]))
            moves.append(kinds)
        total = moves[0]
        for more in moves[1:]:
            total = (total[:, None] + more).flatten(0, 1)
        energies.append(energy.flatten())
        factors.append(total)
    e, f = torch.cat(energies), torch.cat(factors).double()
    c = torch.zeros(len(groups), dtype=torch.float64)
    for _ in range(50):
        now = e * (2 * f @ c).exp()
        gradient, curvature = f.T @ now, 2 * (f.T * now) @ f
        step = torch.linalg.lstsq(curvature, gradient[:, None], driver="gelsd").solution[:, 0].clamp(-1, 1)
        c = c - step
        if float(step.abs().max()) < STILL:
            break
    return dict(zip(groups, c, strict=True))


def _sizes(state: Mapping[str, Tensor], symmetry: Symmetry, names: Collection[str]) -> Iterator[Sizes]:
    groups = frozenset(names)
    for name, x in state.items():
        axes = symmetry.axes.get(name, ())
        reads = [symmetry.roles.get((name, k)) == "read" for k in range(len(axes))]
        together = [(k, *held_by(axes, k)) for k in range(len(axes)) if not holders(axes, k)]
        marks = [_marks(axes, dims, reads, groups) for dims in together]
        if name in symmetry.held or not any(marks) or not x.is_floating_point():
            continue
        gone = tuple(k for k, some in enumerate(marks) if not some)
        squares = x.double().square().permute([k for dims in together for k in dims])
        squares = squares.reshape([prod(axes[k].size for k in dims) for dims in together])
        yield Sizes(squares.sum(gone) if gone else squares, tuple(some for some in marks if some))


def _marks(
    axes: Sequence[Axis], dims: tuple[int, ...], reads: Sequence[bool], groups: frozenset[str]
) -> tuple[Mark, ...]:
    """Of some axes of a tensor as one: an axis and those whose units lie within its own."""
    found: list[Mark] = []
    for k in dims:
        seen = {k, *holders(axes, k)}
        one = Product(tuple(axes[d] if d in seen else Fixed(axes[d].size) for d in dims)) if len(dims) > 1 else axes[k]
        found += _marks_on(one, reads[k], groups & names_in(axes[k]))
    return tuple(found)


def _marks_on(axis: Axis, reads: bool, groups: Collection[str]) -> tuple[Mark, ...]:
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
