"""Soft permutations by the Sinkhorn operator, and states carried by them, differentiable in their logits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost, Perms
from lmc_core.alignment.transport import Maps, carry, roles
from lmc_core.symmetry.axis import Axis, Fixed, groups_in
from lmc_core.symmetry.permute import identity
from lmc_core.symmetry.symmetry import Symmetry

Logits = dict[str, Tensor]
"""group → (n, n), or (N, N, n, n) for a nested group: one matrix per pair of outer units."""


def sinkhorn_operator(logits: Tensor, iterations: int) -> Tensor:
    """Rows and columns of exp(logits) scaled to sum to 1, by turns, in the log domain (Mena 2018): (…, n, n)."""
    for _ in range(iterations):
        logits = logits - logits.logsumexp(-1, keepdim=True)
        logits = logits - logits.logsumexp(-2, keepdim=True)
    return logits.exp()


def near_identity(blocks: tuple[Block, ...], rng: np.random.Generator, device: torch.device) -> Logits:
    """I + 0.1·N(0, 1) for every group (Guerrero Peña 2022)."""
    shapes: dict[str, tuple[int, ...]] = {}
    for block in blocks:
        n = block.outer.size
        shapes |= {block.name: (n, n), **{g.name: (n, n, g.size, g.size) for g in block.inner}}
    return {
        name: torch.as_tensor(np.eye(shape[-1]) + 0.1 * rng.normal(size=shape), device=device)
        for name, shape in shapes.items()
    }


def carried_state(state: Mapping[str, Tensor], symmetry: Symmetry, plans: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor P W Pᵀ, in the type of the tensor; groups without a plan stay."""
    maps: Maps = {(name, role): plan for name, plan in plans.items() for role in ("write", "read")}
    return {
        name: carry(x, [_held(axis, plans) for axis in symmetry.axes[name]], roles(symmetry, name), maps)
        if name in symmetry.axes and x.is_floating_point()
        else x
        for name, x in state.items()
    }


def _held(axis: Axis, plans: Mapping[str, Tensor]) -> Axis:
    return axis if all(g.name in plans for g in groups_in(axis)) else Fixed(axis.size)


def projected(blocks: tuple[Block, ...], symmetry: Symmetry, plans: Mapping[str, Tensor]) -> Perms:
    """The permutations that keep most of the mass of the plans."""
    perms: Perms = identity(symmetry)
    for block in blocks:
        outer = plans[block.name].detach()
        inner = {
            g.name: (outer[..., None, None] * plans[g.name].detach()).transpose(1, 2).cpu().numpy() for g in block.inner
        }
        cost = BlockCost(np.zeros(outer.shape) if inner else outer.cpu().numpy(), inner)
        perms |= cost.best(block)
    return perms
