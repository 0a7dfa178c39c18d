"""Frames of `general` groups balanced: the basis in which what makes the units and what uses them are equally long.

The function sees X of what makes them (n × p) and Y of what uses them (n × q) only in XᵀY, which G X and G⁻ᵀ Y keep.
From two QRs, Xᵀ = Q_x R_x and Yᵀ = Q_y R_y, and one small SVD, R_x R_yᵀ = U S Vᵀ:

    G = S^-½ Vᵀ R_y,  G⁻ᵀ = S^-½ Uᵀ R_x      both sides have the Gram matrix S

Of all rotations of this G the positive definite one is taken: a balanced state stays as it is. What is left open is
orthogonal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.permute import outer_units
from lmc_core.symmetry.symmetry import Symmetry

THIN = 1e-9
"""Of the smallest singular value of XᵀY, relative to the largest: below it some directions do not matter."""


def frames(state: Mapping[str, Tensor], symmetry: Symmetry, group: str) -> tuple[Tensor, Tensor, Tensor]:
    """(G, G⁻ᵀ, whether it is settled): (N, n, n) twice and (N,), one of each per outer unit, N = 1 for a free group.

    A unit whose XᵀY does not have full rank keeps its frame and is not settled.
    """
    made, used = sides(state, symmetry, group)
    n = symmetry.groups[group].size
    eye = torch.eye(n, dtype=torch.float64).expand(len(made), n, n)
    if min(made.shape[2], used.shape[2]) < n:
        return eye, eye, torch.zeros(len(made), dtype=torch.bool)
    rx, ry = (torch.linalg.qr(side.mT, mode="r")[1] for side in (made, used))
    _, s, vt = torch.linalg.svd(rx @ ry.mT)
    full = s[:, -1] > THIN * s[:, 0]
    s = torch.where(full[:, None], s, 1.0)
    g = vt @ ry / s.sqrt()[:, :, None]
    _, d, bt = torch.linalg.svd(torch.where(full[:, None, None], g, eye))
    if _meets_itself(symmetry, group):
        d = d.sqrt()  # a tensor that both makes and uses them answers to each step
    return (bt.mT * d[:, None, :]) @ bt, (bt.mT / d[:, None, :]) @ bt, full


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
        for row, dual, block in _blocks(_rows(x, number), symmetry.axes[name][number], group, 0):
            found[reads != dual][row].append(block)
    made, used = (
        torch.stack([torch.cat(blocks, 1) if blocks else torch.zeros(n, 0, dtype=torch.float64) for blocks in side])
        for side in found
    )
    return made, used


def _rows(x: Tensor, axis: int) -> Tensor:
    return x.double().movedim(axis, 0).reshape(x.shape[axis], -1)


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
