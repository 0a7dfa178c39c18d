"""Soft permutations by the Sinkhorn operator, and states carried by them, differentiable in their logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, heaviest
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.objective import Objective
from lmc_core.alignment.transport import carried_state
from lmc_core.errors import SettingError
from lmc_core.networks.network import Network, State
from lmc_core.paths.loss import TaskLoss
from lmc_core.paths.path import Blend
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


class ImplicitSinkhorn(torch.autograd.Function):
    """The Sinkhorn operator, differentiated where it ends (Guerrero Peña 2022): nothing on the way there is kept.

    At P with row sums r and column sums c the gradient ∂L/∂logits is P ∘ (G − α 1ᵀ − 1 βᵀ), G = ∂L/∂P, where
    r α + P β = (P ∘ G) 1 and Pᵀ α + c β = (P ∘ G)ᵀ 1. As sharp as the iterations have converged.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, iterations: int) -> Tensor:
        first = sinkhorn_operator(logits, 1)
        u, v = (torch.ones_like(first[..., :1]) for _ in range(2))
        for _ in range(iterations - 1):  # the same iterations on the kernel: products instead of exponentials
            u = 1 / (first @ v)
            v = 1 / (first.transpose(-1, -2) @ u)
        plan = u * first * v.transpose(-1, -2)
        if not torch.isfinite(plan).all():
            plan = sinkhorn_operator(logits, iterations)
        ctx.save_for_backward(plan)
        return plan

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (plan,) = ctx.saved_tensors
        pushed = plan * grads[0]
        if not torch.isfinite(pushed).all():
            raise SettingError("a gradient holds NaN or infinite entries; check the weights of both networks for them")
        rows, columns = plan.sum(-1, keepdim=True), plan.sum(-2).unsqueeze(-1)
        right, below = pushed.sum(-1, keepdim=True), pushed.sum(-2).unsqueeze(-1)
        turned = plan.transpose(-1, -2)
        system = torch.diag_embed(rows.squeeze(-1)) - plan @ (turned / columns)  # singular along 1, and where P is hard
        small = torch.finfo(plan.dtype).eps ** 0.5
        system = system + small * torch.eye(plan.shape[-1], dtype=plan.dtype, device=plan.device)
        factor = torch.linalg.cholesky(system + 1 / plan.shape[-1])
        alpha = torch.cholesky_solve(right - plan @ (below / columns), factor)
        beta = (below - turned @ alpha) / columns
        return pushed - plan * (alpha + beta.transpose(-1, -2)), None


def soft_plans(logits: Mapping[str, Tensor], scale: float, iterations: int, *, implicit: bool = False) -> Logits:
    """The Sinkhorn operator on every group, differentiated through its iterations, or where they end."""
    run = ImplicitSinkhorn.apply if implicit else sinkhorn_operator
    return {name: run(scale * x, iterations) for name, x in logits.items()}


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


def softly(state: Mapping[str, Tensor], symmetry: Symmetry, plans: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor P W Pᵀ, in the type of the tensor; groups without a plan stay."""
    return carried_state(
        state, symmetry, {(name, role): plan for name, plan in plans.items() for role in ("write", "read")}
    )


def projected(blocks: tuple[Block, ...], symmetry: Symmetry, plans: Mapping[str, Tensor]) -> Perms:
    """The permutations that keep most of the mass of the plans."""
    perms: Perms = identity(symmetry)
    mass = {name: plan.detach().cpu().numpy() for name, plan in plans.items()}
    for block in blocks:
        perms |= heaviest(block, mass[block.name], {g.name: mass[g.name] for g in block.inner})
    return perms


class WeightLoss:
    """‖A − T(B)‖² over the weights of an Objective, as a share of ‖A‖²."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.targets = {name: x for term in objective.terms for name, x in term.targets.items()}
        self.size = sum(float((x.double() ** 2).sum()) for x in self.targets.values()) or 1.0

    def soft(self, plans: Mapping[str, Tensor]) -> Tensor:
        """At soft plans, differentiable."""
        return self._at(softly(self.objective.still, self.objective.symmetry, plans))

    def hard(self, perms: Perms) -> float:
        """At permutations."""
        return float(self._at(permute(self.objective.still, self.objective.symmetry, perms)))

    def _at(self, moved: State) -> Tensor:
        squares = [((moved[name] - x).double() ** 2).sum() for name, x in self.targets.items()]
        return sum(squares, torch.zeros((), dtype=torch.float64)) / self.size


class MidpointLoss:
    """The task loss at ½ A + ½ T(B): of one batch at soft plans, of eight fixed ones at permutations."""

    def __init__(self, a: Network, b: Network, symmetry: Symmetry, task: TaskLoss) -> None:
        self.a, self.b, self.symmetry, self.task = a.state, b.state, symmetry, task
        self.judged, self.batches = task.fixed(8), task.endless()

    def soft(self, plans: Mapping[str, Tensor]) -> Tensor:
        """On the next batch, differentiable."""
        moved = softly(self.b, self.symmetry, plans)
        return self.task(dict(Blend(self.a, moved, 0.5)), next(self.batches))

    def hard(self, perms: Perms) -> float:
        """On always the same examples."""
        moved = permute(self.b, self.symmetry, perms)
        return self.task.mean(dict(Blend(self.a, moved, 0.5)), self.judged)
