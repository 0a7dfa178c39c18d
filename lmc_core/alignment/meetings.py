"""Where groups meet tensors: axes taken apart, so that the units of one group are a dimension of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, held_by


@dataclass(frozen=True)
class Leaf:
    """One dimension of a view: a factor of axis number `axis`, or that whole axis where it was left together."""

    axis: int
    part: Axis


def views(tensor: Tensor, axes: Sequence[Axis], apart: Collection[int]) -> Iterator[tuple[Tensor, tuple[Leaf, ...]]]:
    """Blocks of a tensor (no copies) in which every factor of the axes numbered `apart` is a dimension.

    A sum gives one block per part, a product one dimension per factor; the blocks are disjoint and cover the tensor.
    An activation may hold another number of examples than the axes say: the factor that changed is the batch.
    """
    yield from _walk(tensor, axes, apart, dim=0, number=0)


def _walk(
    x: Tensor, axes: Sequence[Axis], apart: Collection[int], dim: int, number: int
) -> Iterator[tuple[Tensor, tuple[Leaf, ...]]]:
    if number == len(axes):
        yield x, ()
        return
    whole: list[tuple[Tensor, tuple[Axis, ...]]] = [(x, (axes[number],))]
    for part, factors in _apart(x, dim, axes[number]) if number in apart else whole:
        for view, rest in _walk(part, axes, apart, dim + len(factors), number + 1):
            yield view, (*(Leaf(number, factor) for factor in factors), *rest)


def _apart(x: Tensor, dim: int, axis: Axis) -> Iterator[tuple[Tensor, tuple[Axis, ...]]]:
    match axis:
        case Sum(parts):
            offset = 0
            for part in parts:
                yield from _apart(x.narrow(dim, offset, part.size), dim, part)
                offset += part.size
        case Product(factors):
            yield from _factors(x.unflatten(dim, sizes(x.shape[dim], factors)), dim, factors)
        case _:
            yield x, (axis,)


def _factors(x: Tensor, dim: int, factors: tuple[Axis, ...]) -> Iterator[tuple[Tensor, tuple[Axis, ...]]]:
    if not factors:
        yield x, ()
        return
    for view, first in _apart(x, dim, factors[0]):
        for whole, rest in _factors(view, dim + len(first), factors[1:]):
            yield whole, (*first, *rest)


def sizes(actual: int, factors: tuple[Axis, ...]) -> list[int]:
    """Sizes of the factors of an axis that has `actual` positions; a fixed factor absorbs another batch size."""
    expected = [factor.size for factor in factors]
    if prod(expected) != actual:
        batch = next(i for i, factor in enumerate(factors) if isinstance(factor, Fixed))
        expected[batch] = actual // (prod(expected) // expected[batch])
    return expected


@dataclass(frozen=True)
class Meeting:
    """One place where a view of a tensor meets a free group: its units, and those of groups nested in them.

    outer    name of the free group
    groups   whose units are told apart there: the nested ones, or the free group itself
    dims     of the view: (outer, nested …)
    axis     number of the axis that holds the outer units
    """

    outer: str
    groups: tuple[str, ...]
    dims: tuple[int, ...]
    axis: int

    @property
    def kept(self) -> list[tuple[str, list[int]]]:
        """Every group with the dimensions of its units: (outer, nested), or (outer,) alone."""
        outer, *nested = self.dims
        return (
            [(g, [outer, dim]) for g, dim in zip(self.groups, nested, strict=True)]
            if nested
            else [(self.outer, [outer])]
        )


def meetings(leaves: Sequence[Leaf], group: str | None = None) -> Iterator[Meeting]:
    """Every place where a view meets a free group, or one free group."""
    for dim, leaf in enumerate(leaves):
        if isinstance(leaf.part, Group) and leaf.part.within is None and group in (None, leaf.part.name):
            nested = _nested(leaves, dim, leaf.part.name)
            groups = tuple(name for name, _ in nested) or (leaf.part.name,)
            yield Meeting(leaf.part.name, groups, (dim, *(inner for _, inner in nested)), leaf.axis)


def met(
    tensors: Sequence[Tensor], axes: Sequence[Sequence[Axis]], apart: Collection[int], group: str
) -> Iterator[tuple[tuple[Tensor, ...], Meeting]]:
    """Views of several tensors, axes of these numbers taken apart, at every place where one of them carries a group.

    Axes whose units lie within theirs are taken apart too.

    axes   one tuple of expressions per tensor, of one structure; sizes may differ
    """
    every = {*apart, *(held for number in apart for held in held_by(axes[0], number))}
    for parts in zip(*(views(x, form, every) for x, form in zip(tensors, axes, strict=True)), strict=True):
        for meeting in meetings(parts[0][1], group):
            if meeting.axis in apart:
                yield tuple(x for x, _ in parts), meeting


def _nested(leaves: Sequence[Leaf], outer: int, name: str) -> list[tuple[str, int]]:
    """(group, dimension) of what is nested in the group at dimension `outer`, in that axis or in an axis without it."""
    own = [i for i, leaf in enumerate(leaves) if isinstance(leaf.part, Group) and leaf.part.name == name]

    def parent(i: int) -> int:
        same_axis = [k for k in own if leaves[k].axis == leaves[i].axis and k < i]
        return same_axis[-1] if same_axis else own[0]

    return [
        (leaf.part.name, i)
        for i, leaf in enumerate(leaves)
        if isinstance(leaf.part, Group) and leaf.part.within == name and parent(i) == outer
    ]


def gram(x: Tensor, y: Tensor, keep: Sequence[int]) -> Tensor:
    """Σ over all dimensions but `keep` of x·y: (kept of x …, kept of y …), one matrix product."""
    rest = [dim for dim in range(x.ndim) if dim not in keep]
    order = [*keep, *rest]
    contracted = list(range(len(keep), x.ndim))
    return torch.tensordot(x.permute(order), y.permute(order), dims=(contracted, contracted))
