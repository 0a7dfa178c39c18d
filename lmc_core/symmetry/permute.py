"""How a state moves when the units of groups are re-ordered: one gather per moved axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmc_core.symmetry.arrangement import Arrangement
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, holders, joint, names_in
from lmc_core.symmetry.classes import reorders

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

Perms = Mapping[str, NDArray[np.int64]]
"""Group → (n,), or (N, n) for a group nested within N outer units: new[k] = old[perm[k]], and row i re-orders the units
of the outer unit that ends at position i."""


def index(axis: Axis, perms: Perms, symmetry: Arrangement | None = None) -> NDArray[np.int64]:
    """The old position of every new position of an axis; groups without a permutation stay.

    symmetry   needed only for groups nested more than once, whose rows count the units of all outer groups
    """
    return _index(axis, perms, {}, dict(symmetry.groups) if symmetry else {})


def _index(axis: Axis, perms: Perms, at: dict[str, int], groups: Mapping[str, Group]) -> NDArray[np.int64]:
    match axis:
        case Fixed(size):
            return np.arange(size, dtype=np.int64)
        case Group(name, size):
            perm = perms.get(name)
            if perm is None:
                return np.arange(size, dtype=np.int64)
            return np.asarray(perm if perm.ndim == 1 else perm[row_of(axis, at, groups)], dtype=np.int64)
        case Sum(parts):
            offsets = np.cumsum([0, *(part.size for part in parts)])
            return np.concatenate([o + _index(p, perms, at, groups) for o, p in zip(offsets, parts, strict=False)])
        case Product(factors):
            first = factors[0]
            rest = factors[1] if len(factors) == 2 else Product(factors[1:])
            outer = _index(first, perms, at, groups)
            depends = isinstance(first, Group) and any(lies_under(g, first.name, groups) for g in groups_in(rest))
            if not depends:
                return (outer[:, None] * rest.size + _index(rest, perms, at, groups)).ravel()
            assert isinstance(first, Group)
            return np.concatenate(
                [q * rest.size + _index(rest, perms, {**at, first.name: k}, groups) for k, q in enumerate(outer)]
            )


def lies_under(group: Group, outer: str, groups: Mapping[str, Group]) -> bool:
    """Whether a group is nested within another, at any depth."""
    while group.within is not None:
        if group.within == outer:
            return True
        if group.within not in groups:
            return False
        group = groups[group.within]
    return False


def row_of(group: Group, at: Mapping[str, int], groups: Mapping[str, Group]) -> int:
    """The row of a nested group's permutations: the number of its outer unit, counted through all outer groups."""
    row, stride = 0, 1
    within = group.within
    while within is not None:
        row += stride * at[within]
        outer = groups.get(within)
        if outer is None:
            break
        stride *= outer.size
        within = outer.within
    return row


def outer_units(symmetry: Arrangement, group: str) -> int:
    """How many outer units a nested group is repeated in; 1 for a free group."""
    count = 1
    within = symmetry.groups[group].within
    while within is not None:
        count *= symmetry.groups[within].size
        within = symmetry.groups[within].within
    return count


def permute(state: Mapping[str, Tensor], symmetry: Arrangement, perms: Perms) -> dict[str, Tensor]:
    """The state with its units re-ordered: the same function.

    Groups not in `perms` stay, and tensors that do not move are shared with `state`.
    """
    import torch

    state, perms = regrouped(state, symmetry, perms), inside(symmetry, perms)
    known: dict[Axis, Tensor | None] = {}
    moved: dict[str, Tensor] = {}
    for name, tensor in state.items():
        axes = symmetry.axes.get(name, ())
        for number, held in from_outside(axes):
            axis = axes[number]
            if isinstance(axis, Fixed):
                continue
            if held:
                tensor = _permuted_within(tensor, axes, number, perms, symmetry)
                continue
            if axis not in known:
                order = index(axis, perms, symmetry)
                still = bool((order == np.arange(len(order))).all())
                known[axis] = None if still else torch.from_numpy(order).to(tensor.device)
            gather = known[axis]
            if gather is not None:
                tensor = tensor.index_select(number, gather)
        moved[name] = tensor
    return moved


def permute_tensor(tensor: Tensor, axes: Sequence[Axis], perms: Perms, symmetry: Arrangement) -> Tensor:
    """One tensor with these axes, re-ordered."""
    arrangement = Arrangement(symmetry.groups, {"": tuple(axes)})
    return permute({"": tensor}, arrangement, {name: perm for name, perm in perms.items() if name in symmetry.groups})[
        ""
    ]


def from_outside(axes: Sequence[Axis]) -> list[tuple[int, tuple[int, ...]]]:
    """Every axis of a tensor with those that hold its units (`axis.holders`), which come before it."""
    found = [(number, holders(axes, number)) for number in range(len(axes))]
    return sorted(found, key=lambda entry: len(entry[1]))


def _permuted_within(tensor: Tensor, axes: Sequence[Axis], number: int, perms: Perms, symmetry: Arrangement) -> Tensor:
    """A tensor re-ordered on one axis, whose units lie within those of others that are in place already."""
    import torch

    dims, axis = joint(axes, number)
    around = names_in(*(axes[k] for k in dims[:-1]))
    own = {name: perm for name, perm in perms.items() if name not in around}
    order = index(axis, own, symmetry)
    if (order == np.arange(len(order))).all():
        return tensor
    return within_one(tensor, dims, lambda x: x.index_select(0, torch.from_numpy(order).to(x.device)))


def within_one(tensor: Tensor, dims: tuple[int, ...], change: Callable[[Tensor], Tensor]) -> Tensor:
    """A tensor changed in the view in which several of its axes are one, which comes first."""
    front = tuple(range(len(dims)))
    joined = tensor.movedim(dims, front)
    changed = change(joined.flatten(0, len(dims) - 1))
    return changed.unflatten(0, joined.shape[: len(dims)]).movedim(front, dims)


def regrouped(state: Mapping[str, Tensor], symmetry: Arrangement, perms: Perms) -> Mapping[str, Tensor]:
    """The state with its branches re-ordered, each as it is within: `state` itself where none moves."""
    moving = [name for name in symmetry.branches if name in perms]
    if not moving:
        return state
    import torch

    made = dict(state)
    for name in moving:
        branches, perm = symmetry.branches[name], perms[name]
        for family in branches.tensors:
            made |= {target: made[family[source]] for target, source in zip(family, perm, strict=True)}
        for (tensor, number), axis in branches.axes.items():
            order = torch.from_numpy(index(axis, {name: perm})).to(made[tensor].device)
            made[tensor] = made[tensor].index_select(number, order)
    return made


def inside(symmetry: Arrangement, perms: Mapping[str, T]) -> dict[str, T]:
    """What is left to move once the branches are in order."""
    return {name: perm for name, perm in perms.items() if name not in symmetry.branches}


def handed_on(elements: Mapping[str, T], symmetry: Arrangement, perms: Perms) -> dict[str, T]:
    """Elements of the groups within branches, each at the place where its branch goes."""
    made = dict(elements)
    for name, branches in symmetry.branches.items():
        for family in branches.groups if name in perms else ():
            made |= {t: elements[family[s]] for t, s in zip(family, perms[name], strict=True) if family[s] in elements}
    return made


def identity(symmetry: Arrangement) -> dict[str, NDArray[np.int64]]:
    """Every group in place."""
    return {name: np.tile(np.arange(g.size), (*_shape(symmetry, name)[:-1], 1)) for name, g in symmetry.groups.items()}


def _shape(symmetry: Arrangement, group: str) -> tuple[int, ...]:
    found = symmetry.groups[group]
    return (found.size,) if found.within is None else (outer_units(symmetry, group), found.size)


def random_permutations(
    symmetry: Arrangement, rng: np.random.Generator, groups: tuple[str, ...] | None = None
) -> dict[str, NDArray[np.int64]]:
    """A random permutation of every group (or of those named), never the identity, nested ones per outer unit; none of
    a group whose class holds no orders."""
    drawn = {}
    for name in symmetry.groups if groups is None else groups:
        if not reorders(symmetry.groups[name].kind):
            continue
        *rows, size = _shape(symmetry, name)
        perms = np.array([_moving(size, rng) for _ in range(rows[0] if rows else 1)])
        drawn[name] = perms if rows else perms[0]
    return drawn


def _moving(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    while True:
        perm = rng.permutation(size)
        if size == 1 or (perm != np.arange(size)).any():
            return perm


def invert(perms: Perms, symmetry: Arrangement) -> dict[str, NDArray[np.int64]]:
    """Permutations that undo `perms`: permute(permute(s, p), invert(p)) = s."""
    full = {**identity(symmetry), **perms}
    made = {}
    for name in perms:
        perm = full[name]
        if perm.ndim == 1:
            made[name] = np.argsort(perm)
        else:
            rows = outer_rows(symmetry, name, full)
            made[name] = np.empty_like(perm)
            made[name][rows] = np.argsort(perm, axis=1)
    if symmetry.branches.keys() & made.keys():
        made = handed_on({**identity(symmetry), **made}, symmetry, made)
    for name in symmetry.groups:
        if name not in made and any(lies_under(symmetry.groups[name], p, symmetry.groups) for p in perms):
            made[name] = full[name]
    return {name: made[name] for name in symmetry.groups if name in made}


def compose(first: Perms, second: Perms, symmetry: Arrangement) -> dict[str, NDArray[np.int64]]:
    """One step for two: permute(s, compose(p, q)) = permute(permute(s, p), q)."""
    p, q = handed_on({**identity(symmetry), **first}, symmetry, second), {**identity(symmetry), **second}
    made = {}
    for name in symmetry.groups:
        if p[name].ndim == 1:
            made[name] = p[name][q[name]]
        else:
            rows = outer_rows(symmetry, name, q)
            made[name] = np.take_along_axis(p[name][rows], q[name], axis=1)
    return made


def outer_rows(symmetry: Arrangement, group: str, perms: Perms) -> NDArray[np.int64]:
    """Old row of every new row of a nested group: where its outer units go."""
    chain = []
    within = symmetry.groups[group].within
    while within is not None:
        chain.append(symmetry.groups[within])
        within = symmetry.groups[within].within
    axis: Axis = Product(tuple(reversed(chain))) if len(chain) > 1 else chain[0]
    return index(axis, perms, symmetry)
