"""Frames of `general` groups balanced: the basis in which what makes the units and what uses them are equally long.

The function sees X of what makes them (n × p) and Y of what uses them (n × q) only in XᵀY. From two QRs, Xᵀ = Q_x R_x
and Yᵀ = Q_y R_y, and one small SVD, R_x R_yᵀ = U S Vᵀ, both get the Gram matrix B S Bᵀ in a frame B (n × rank):

    X ← B S^-½ Vᵀ R_y X,   Y ← B S^-½ Uᵀ R_x Y,   B the polar factor of (R_xᵀ U + R_yᵀ V) S^-½

With full rank that is G X and G⁻ᵀ Y for the positive definite G that balances them, so that a balanced state stays as
it is; else directions that one side does not meet are left out of the other. What stays open is orthogonal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, joint
from lmc_core.symmetry.permute import outer_units
from lmc_core.symmetry.symmetry import Symmetry

THIN = 1e-12
"""Of a singular value of XᵀY, relative to the largest: below it a direction does not matter."""


@dataclass(frozen=True, eq=False)
class Frames:
    """What balances a group, one matrix per outer unit, N = 1 for a free group.

    there, back   (N, n, n) for what makes the units, and for what uses them
    change        how far they move X and Y, relative
    stuck         how many stay as they are
    """

    there: Tensor
    back: Tensor
    change: float
    stuck: int


def frames(state: Mapping[str, Tensor], symmetry: Symmetry, group: str) -> Frames:
    """The frames that balance a group of a state.

    A unit whose XᵀY is zero stays as it is, and one that a tensor both makes and uses without full rank.
    """
    made, used = sides(state, symmetry, group)
    rx, ry = (torch.linalg.qr(side.mT, mode="r")[1] for side in (made, used))
    u, s, vt = torch.linalg.svd(rx @ ry.mT, full_matrices=False)
    n, itself = made.shape[1], _meets_itself(symmetry, group)
    seen = s > THIN * s[:, :1]
    settled = seen.all(1) & (s.shape[1] == n) if itself else seen.any(1)
    root = torch.where(seen, s, 1.0).rsqrt() * seen
    a, _, bt = torch.linalg.svd((rx.mT @ u + ry.mT @ vt.mT) * root[:, None], full_matrices=False)
    frame = (a @ bt) * root[:, None]
    eye = torch.eye(n, dtype=torch.float64)
    there, back = (torch.where(settled[:, None, None], m, eye) for m in (frame @ vt @ ry, frame @ u.mT @ rx))
    if itself:  # a tensor that both makes and uses them answers to each step: half of it
        there, back = _root(there), _root(back)
    moves = (float((m @ r.mT - r.mT).norm() / r.norm().clamp(min=1e-300)) for m, r in ((there, rx), (back, ry)))
    return Frames(there, back, max(moves), int((~settled).sum()))


def _root(matrices: Tensor) -> Tensor:
    """Square roots of positive definite matrices."""
    values, vectors = torch.linalg.eigh((matrices + matrices.mT) / 2)
    return (vectors * values.clamp(min=0).sqrt()[:, None]) @ vectors.mT


def _meets_itself(symmetry: Symmetry, group: str) -> bool:
    places = [name for name, _ in symmetry.slots(group) if name not in symmetry.held]
    return len(set(places)) < len(places)


def sides(state: Mapping[str, Tensor], symmetry: Symmetry, group: str) -> tuple[Tensor, Tensor]:
    """(N, n, p) of everything that makes the units of a group, for each outer unit, and (N, n, q) of what uses them."""
    count, n = outer_units(symmetry, group), symmetry.groups[group].size
    found: tuple[list[list[Tensor]], list[list[Tensor]]] = ([[] for _ in range(count)], [[] for _ in range(count)])
    for name, number in symmetry.slots(group):
        x = state[name]
        if name in symmetry.held or not x.is_floating_point():
            continue
        reads = symmetry.roles.get((name, number)) == "read"
        dims, axis = joint(symmetry.axes[name], number)
        for row, dual, block in _blocks(_rows(x, dims), axis, group, 0):
            found[reads != dual][row].append(block)
    made, used = (
        torch.stack([torch.cat(blocks, 1) if blocks else torch.zeros(n, 0, dtype=torch.float64) for blocks in side])
        for side in found
    )
    return made, used


def _rows(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    front = x.double().movedim(dims, tuple(range(len(dims))))
    return front.reshape(prod(front.shape[: len(dims)]), -1)


def _blocks(x: Tensor, axis: Axis, group: str, row: int) -> Iterator[tuple[int, bool, Tensor]]:
    """(outer unit, whether dual, (n, rest)) of every part of an axis, the first of `x`, that holds the group."""
    match axis:
        case Fixed():
            return
        case Group(name):
            if name == group:
                yield row, axis.dual, x.flatten(1)
        case Sum(parts):
            for part, block in zip(parts, x.split([p.size for p in parts]), strict=True):
                yield from _blocks(block, part, group, row)
        case Product(factors):
            first, rest = factors[0], Product(factors[1:]) if len(factors) > 2 else factors[1]
            x = x.unflatten(0, (first.size, rest.size))
            if isinstance(first, Group) and any(g.within == first.name for g in groups_in(rest)):
                for k in range(first.size):
                    yield from _blocks(x[k], rest, group, k)
                return
            yield from _blocks(x.flatten(1), first, group, row)
            yield from _blocks(x.movedim(0, 1).flatten(1), rest, group, row)
