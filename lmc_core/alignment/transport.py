"""A state moved by couplings: by elements of the classes of groups, or by write and read matrices for soft plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lmc_core.alignment.coupling import Couplings, Perms, permutations
from lmc_core.errors import MismatchError
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, held_by, holders, names_in
from lmc_core.symmetry.move import move
from lmc_core.symmetry.permute import inside, permute_tensor, regrouped
from lmc_core.symmetry.symmetry import Role, Symmetry

Maps = Mapping[tuple[str, str], Tensor]
"""(group, "write" or "read") → matrix, target × source: (m, n), or (M, N, m, n) for a group nested in another."""


def transport(network: Network, symmetry: Symmetry, couplings: Couplings) -> Network:
    """`network` in the order of the target of the couplings; the same function unless one of them is soft.

    Permutations gather; other maps G multiply an axis that makes units by G and one that uses them by G⁻ᵀ. A soft
    plan P multiplies the first by write = P / row sums (a new unit is the mean of its sources) and the second by read =
    P / column sums (each source is handed on once).

    Raises MismatchError if a coupling is missing, names no group, or does not fit its group.
    """
    _check(symmetry, couplings)
    if all(coupling.keeps_function for coupling in couplings.values()):
        elements = {name: coupling.element for name, coupling in couplings.items()}
        return network.with_state(move(network.state, symmetry, elements))
    state = regrouped(network.state, symmetry, orders_of_branches(symmetry, couplings))
    return network.with_state(carried_state(state, symmetry, maps_of(inside(symmetry, couplings), network.device)))


def orders_of_branches(symmetry: Symmetry, couplings: Couplings) -> Perms:
    """The couplings of branches, which are always orders."""
    return permutations({name: couplings[name] for name in symmetry.branches if name in couplings})


def maps_of(couplings: Couplings, device: torch.device) -> dict[tuple[str, str], Tensor]:
    """The write and read matrices of couplings."""
    return {
        (name, role): torch.as_tensor(matrix, device=device)
        for name, coupling in couplings.items()
        for role, matrix in zip(("write", "read"), coupling.matrices, strict=True)
    }


def carried_state(state: Mapping[str, Tensor], symmetry: Symmetry, maps: Maps) -> dict[str, Tensor]:
    """Every tensor of floating-point numbers multiplied by the matrices of its groups."""
    return {
        name: carry(x, symmetry.axes[name], roles(symmetry, name), maps)
        if name in symmetry.axes and x.is_floating_point()
        else x
        for name, x in state.items()
    }


def to_template(tensor: Tensor, axes: Sequence[Axis], symmetry: Symmetry, couplings: Couplings) -> Tensor:
    """A tensor with these axes carried by the row-stochastic maps m·π on all of them, gathered where all are hard."""
    needed = names_in(*axes)
    if not needed:
        return tensor
    if all(couplings[group].is_hard for group in needed):
        perms = permutations({group: couplings[group] for group in needed})
        return permute_tensor(tensor, axes, perms, symmetry)
    return carry(tensor, axes, ["write"] * len(axes), maps_of({g: couplings[g] for g in needed}, tensor.device))


def roles(symmetry: Symmetry, tensor: str) -> tuple[Role, ...]:
    """The role of every axis of a tensor."""
    return tuple(symmetry.roles.get((tensor, number), "none") for number in range(len(symmetry.axes[tensor])))


def carry(tensor: Tensor, axes: Sequence[Axis], roles: Sequence[Role], maps: Maps) -> Tensor:
    """One tensor multiplied by the matrices of its groups, factor by factor; differentiable in the matrices.

    Groups without a matrix stay.

    Computed in the type of the matrices and returned in the type of the tensor if that is narrower.
    A tied tensor (role "both") is moved as one that writes: exact for permutations, an approximation for soft plans.
    """
    if not maps or not names_in(*axes):
        return tensor
    moved = tensor.to(next(iter(maps.values())).dtype)
    sides = ["read" if role == "read" else "write" for role in roles]
    for dim, axis in enumerate(axes):
        if holders(axes, dim):
            continue  # with the axis that holds its units
        dims = (dim, *sorted(held_by(axes, dim), key=lambda k: len(holders(axes, k))))
        if len(dims) == 1:
            moved = _carry(moved, dim, axis, sides[dim], maps, {})
        else:
            front = tuple(range(len(dims)))
            factors, roles_of = tuple(axes[k] for k in dims), tuple(sides[k] for k in dims)
            moved = _carry_factors(moved.movedim(dims, front), 0, factors, roles_of, maps, {}).movedim(front, dims)
    return moved.to(tensor.dtype)


def _carry(x: Tensor, dim: int, axis: Axis, role: str, maps: Maps, outer: Mapping[str, tuple[int, int]]) -> Tensor:
    """`outer`: for every enclosing group, the pair (target unit, source unit) being computed."""
    match axis:
        case Fixed():
            return x
        case Group():
            if (axis.name, role) not in maps:
                return x
            matrix = maps[axis.name, role]
            if axis.within is not None:
                matrix = matrix[outer[axis.within]]
            return torch.tensordot(x, matrix, dims=([dim], [1])).movedim(-1, dim)
        case Sum(parts):
            blocks = x.split([part.size for part in parts], dim)
            return torch.cat([_carry(b, dim, p, role, maps, outer) for b, p in zip(blocks, parts, strict=True)], dim)
        case Product(factors):
            split = x.unflatten(dim, [factor.size for factor in factors])
            moved = _carry_factors(split, dim, factors, (role,) * len(factors), maps, outer)
            return moved.flatten(dim, dim + len(factors) - 1)


def _carry_factors(
    x: Tensor,
    dim: int,
    factors: tuple[Axis, ...],
    roles: tuple[str, ...],
    maps: Maps,
    outer: Mapping[str, tuple[int, int]],
) -> Tensor:
    if not factors:
        return x
    (first, *_), rest = factors, factors[1:]
    (role, *_), others = roles, roles[1:]
    nested = isinstance(first, Group) and any(g.within == first.name for factor in rest for g in groups_in(factor))
    if isinstance(first, Group) and nested and (first.name, role) in maps:
        matrix = maps[first.name, role]
        inner = _holds_only(rest, first)
        if (inner, others[0]) in maps:
            both = matrix[..., None, None] * maps[inner, others[0]]
            moved = torch.tensordot(x, both, dims=([dim, dim + 1], [1, 3])).movedim((-2, -1), (dim, dim + 1))
            return _carry_factors(moved, dim + 2, rest[1:], others[1:], maps, outer)

        def unit(i: int, j: int) -> Tensor:
            inside = {**outer, first.name: (i, j)}
            return matrix[i, j] * _carry_factors(x.select(dim, j), dim, rest, others, maps, inside)

        needed = matrix.detach() != 0 if not matrix.requires_grad else torch.ones_like(matrix, dtype=torch.bool)
        pairs = [[int(j) for j in row.nonzero()] for row in needed]
        rows = [torch.stack([unit(i, j) for j in sources]).sum(0) for i, sources in enumerate(pairs)]
        return torch.stack(rows, dim)
    return _carry_factors(_carry(x, dim, first, role, maps, outer), dim + 1, rest, others, maps, outer)


def _holds_only(rest: tuple[Axis, ...], outer: Group) -> str:
    """The group nested in `outer` if it comes first and nothing further is nested in either: both are one product."""
    inner = rest[0]
    if not isinstance(inner, Group) or inner.within != outer.name:
        return ""
    beyond = [g for factor in rest[1:] for g in groups_in(factor)]
    return "" if any(g.within in (outer.name, inner.name) for g in beyond) else inner.name


def _check(symmetry: Symmetry, couplings: Couplings) -> None:
    missing = [name for name in symmetry.groups if name not in couplings]
    extra = [name for name in couplings if name not in symmetry.groups]
    if missing or extra:
        what = f"no coupling for group {missing[0]!r}" if missing else f"a coupling for {extra[0]!r}, which is no group"
        raise MismatchError(f"there is {what}; the network has the groups {', '.join(symmetry.groups) or 'none'}")
    for name, coupling in couplings.items():
        group = symmetry.groups[name]
        size = coupling.element.shape[-1] if coupling.keeps_function else coupling.matrix.shape[-1]
        if size != group.size:
            raise MismatchError(f"the coupling of group {name!r} is for {size} units; the group has {group.size}")
