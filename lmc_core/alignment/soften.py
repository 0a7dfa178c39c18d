"""Soft permutations by the Sinkhorn operator, and states carried by them, differentiable in their logits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost, Perms
from lmc_core.alignment.objective import Objective
from lmc_core.alignment.transport import Maps, carry, roles
from lmc_core.networks.network import Network
from lmc_core.paths.loss import TaskLoss
from lmc_core.paths.path import Blend, State
from lmc_core.symmetry.axis import Axis, Fixed, groups_in
from lmc_core.symmetry.permute import identity, permute
from lmc_core.symmetry.symmetry import Symmetry

Logits = dict[str, Tensor]
"""group → (n, n), or (N, N, n, n) for a nested group: one matrix per pair of outer units."""


def sinkhorn_operator(logits: Tensor, iterations: int) -> Tensor:
    """Rows and columns of exp(logits) scaled to sum to 1, by turns, in the log domain (Mena 2018): (…, n, n)."""
    for _ in range(iterations):
        logits = logits - logits.logsumexp(-1, keepdim=True)
        logits = logits - logits.logsumexp(-2, keepdim=True)
    return logits.exp()


def soft_plans(logits: Mapping[str, Tensor], scale: float, iterations: int) -> Logits:
    """The Sinkhorn operator on every group."""
    return {name: sinkhorn_operator(scale * x, iterations) for name, x in logits.items()}


def near_identity(
    blocks: tuple[Block, ...], rng: np.random.Generator, device: torch.device, dtype: torch.dtype = torch.float64
) -> Logits:
    """I + 0.1·N(0, 1) for every group (Guerrero Peña 2022)."""
    shapes: dict[str, tuple[int, ...]] = {}
    for block in blocks:
        n = block.outer.size
        shapes |= {block.name: (n, n), **{g.name: (n, n, g.size, g.size) for g in block.inner}}
    return {
        name: torch.as_tensor(np.eye(shape[-1]) + 0.1 * rng.normal(size=shape), device=device, dtype=dtype)
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


class WeightLoss:
    """‖A − T(B)‖² over the weights of an Objective, as a share of ‖A‖²."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.targets = {name: x for term in objective.terms for name, x in term.targets.items()}
        self.size = sum(float((x.double() ** 2).sum()) for x in self.targets.values()) or 1.0

    def soft(self, plans: Mapping[str, Tensor]) -> Tensor:
        """At soft plans, differentiable."""
        return self._at(carried_state(self.objective.still, self.objective.symmetry, plans))

    def hard(self, perms: Perms) -> float:
        """At permutations."""
        return float(self._at(permute(self.objective.still, self.objective.symmetry, perms)))

    def _at(self, moved: State) -> Tensor:
        squares = [((moved[name] - x).double() ** 2).sum() for name, x in self.targets.items()]
        return torch.stack(squares).sum() / self.size


class MidpointLoss:
    """The task loss at ½ A + ½ T(B): of one batch at soft plans, of eight fixed ones at permutations."""

    def __init__(self, a: Network, b: Network, symmetry: Symmetry, task: TaskLoss) -> None:
        self.a, self.b, self.symmetry, self.task = a.state, b.state, symmetry, task
        self.judged, self.batches = task.fixed(8), task.endless()

    def soft(self, plans: Mapping[str, Tensor]) -> Tensor:
        """On the next batch, differentiable."""
        moved = carried_state(self.b, self.symmetry, plans)
        return self.task(dict(Blend(self.a, moved, 0.5)), next(self.batches))

    def hard(self, perms: Perms) -> float:
        """On always the same examples."""
        moved = permute(self.b, self.symmetry, perms)
        return self.task.mean(dict(Blend(self.a, moved, 0.5)), self.judged)
