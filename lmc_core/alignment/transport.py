"""A state moved by couplings: gathered by permutations, or multiplied by write and read matrices for soft plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lmc_core.alignment.coupling import Coupling
from lmc_core.errors import MismatchError
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.symmetry import Role, Symmetry

Maps = Mapping[tuple[str, str], Tensor]
"""(group, "write" or "read") → matrix, target × source: (m, n), or (M, N, m, n) for a group nested in another."""


def transport(network: Network, symmetry: Symmetry, couplings: Mapping[str, Coupling]) -> Network:
    """`network` in the order of the target of the couplings; the same function when all of them are hard.

    Hard couplings gather. A soft plan P multiplies an axis that makes units by write = P / row sums (a new unit is the
    mean of its sources) and an axis that uses them by read = P / column sums (each source is handed on once).

    Raises MismatchError if a coupling is missing, names no group, or does not fit its group.
    """
    _check(symmetry, couplings)
    if all(coupling.is_hard for coupling in couplings.values()):
        from lmc_core.symmetry.permute import permute

        perms = {name: coupling.perm for name, coupling in couplings.items() if coupling.perm is not None}
        return network.with_state(permute(network.state, symmetry, perms))
    device = network.device
    maps = {
        (name, role): torch.as_tensor(matrix, device=device)
        for name, coupling in couplings.items()
        for role, matrix in zip(("write", "read"), coupling.matrices, strict=True)
    }
    state = {
        name: carry(tensor, symmetry.axes[name], roles(symmetry, name), maps) if name in symmetry.axes else tensor
        for name, tensor in network.state.items()
    }
    return network.with_state(state)


def roles(symmetry: Symmetry, tensor: str) -> tuple[Role, ...]:
    """The role of every axis of a tensor."""
    return tuple(symmetry.roles.get((tensor, number), "none") for number in range(len(symmetry.axes[tensor])))


def carry(tensor: Tensor, axes: Sequence[Axis], roles: Sequence[Role], maps: Maps) -> Tensor:
    """One tensor multiplied by the matrices of its groups, factor by factor; differentiable in the matrices.

    Computed in the type of the matrices and returned in the type of the tensor if that is narrower.
    A tied tensor (role "both") is moved as one that writes: exact for permutations, an approximation for soft plans.
    """
    if not any(True for axis in axes for _ in groups_in(axis)):
        return tensor
    moved = tensor.to(next(iter(maps.values())).dtype) if maps else tensor
    for dim, (axis, role) in enumerate(zip(axes, roles, strict=True)):
        moved = _carry(moved, dim, axis, "read" if role == "read" else "write", maps, {})
    return moved.to(tensor.dtype)


def _carry(x: Tensor, dim: int, axis: Axis, role: str, maps: Maps, outer: Mapping[str, tuple[int, int]]) -> Tensor:
    """`outer`: for every enclosing group, the pair (target unit, source unit) being computed."""
    match axis:
        case Fixed():
            return x
        case Group():
            matrix = maps[axis.name, role]
            if axis.within is not None:
                matrix = matrix[outer[axis.within]]
            return torch.tensordot(x, matrix, dims=([dim], [1])).movedim(-1, dim)
        case Sum(parts):
            blocks = x.split([part.size for part in parts], dim)
            return torch.cat([_carry(b, dim, p, role, maps, outer) for b, p in zip(blocks, parts, strict=True)], dim)
        case Product(factors):
            split = x.unflatten(dim, [factor.size for factor in factors])
            moved = _carry_factors(split, dim, factors, role, maps, outer)
            return moved.flatten(dim, dim + len(factors) - 1)


def _carry_factors(
    x: Tensor, dim: int, factors: tuple[Axis, ...], role: str, maps: Maps, outer: Mapping[str, tuple[int, int]]
) -> Tensor:
    if not factors:
        return x
    first, rest = factors[0], factors[1:]
    if isinstance(first, Group) and any(g.within == first.name for factor in rest for g in groups_in(factor)):
        matrix = maps[first.name, role]
        if _holds_only(rest, first):
            both = matrix[..., None, None] * maps[rest[0].name, role]  # type: ignore[union-attr]
            moved = torch.tensordot(x, both, dims=([dim, dim + 1], [1, 3])).movedim((-2, -1), (dim, dim + 1))
            return _carry_factors(moved, dim + 2, rest[1:], role, maps, outer)

        def unit(i: int, j: int) -> Tensor:
            inside = {**outer, first.name: (i, j)}
            return matrix[i, j] * _carry_factors(x.select(dim, j), dim, rest, role, maps, inside)

        needed = matrix.detach() != 0 if not matrix.requires_grad else torch.ones_like(matrix, dtype=torch.bool)
        pairs = [[int(j) for j in row.nonzero()] for row in needed]
        rows = [torch.stack([unit(i, j) for j in sources]).sum(0) for i, sources in enumerate(pairs)]
        return torch.stack(rows, dim)
    return _carry_factors(_carry(x, dim, first, role, maps, outer), dim + 1, rest, role, maps, outer)


def _holds_only(rest: tuple[Axis, ...], outer: Group) -> bool:
    """A group nested in `outer` comes first, and nothing further is nested in either: both are one matrix product."""
    inner = rest[0]
    deeper = (outer.name, inner.name) if isinstance(inner, Group) else ()
    beyond = [g for factor in rest[1:] for g in groups_in(factor)]
    return isinstance(inner, Group) and inner.within == outer.name and not any(g.within in deeper for g in beyond)


def _check(symmetry: Symmetry, couplings: Mapping[str, Coupling]) -> None:
    missing = [name for name in symmetry.groups if name not in couplings]
    extra = [name for name in couplings if name not in symmetry.groups]
    if missing or extra:
        what = f"no coupling for group {missing[0]!r}" if missing else f"a coupling for {extra[0]!r}, which is no group"
        raise MismatchError(f"there is {what}; the network has the groups {', '.join(symmetry.groups) or 'none'}")
    for name, coupling in couplings.items():
        group = symmetry.groups[name]
        size = coupling.perm.shape[-1] if coupling.perm is not None else coupling.matrix.shape[-1]
        if size != group.size:
            raise MismatchError(f"the coupling of group {name!r} is for {size} units; the group has {group.size}")
