"""Sinkhorn re-basin: soft permutations learned by gradient descent, then made hard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmc_core.alignment.method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(
    problem: Problem,
    *,
    loss: Literal["weights", "midpoint"],
    steps: int,
    rate: float,
    scale: float,
    iterations: int,
    gradient: Literal["implicit", "unrolled"],
    examples: int,
    batch: int,
) -> Result:
    """min over X of ‖θ_A − T(θ_B, S(l X))‖², or of the task loss at ½ θ_A + ½ T(θ_B, S(l X)) (Guerrero Peña 2022).

    S is the Sinkhorn operator, differentiated at the plan it ends at, or through all its iterations. X starts near the
    identity and follows Adam. Every few steps the plans are made permutations by an assignment, and the best of these
    in the hard objective, minus the loss, is kept.
    """
    import torch

    from lmc_core.alignment.objective import weight_objective
    from lmc_core.alignment.result import Result, still_changing
    from lmc_core.alignment.soften import MidpointLoss, WeightLoss, near_identity, projected, soft_plans
    from lmc_core.paths.loss import TaskLoss
    from lmc_core.symmetry.permute import identity

    a, b, symmetry = problem.reference, problem.moved, problem.symmetry
    objective = weight_objective(a, b, symmetry)
    descent: WeightLoss | MidpointLoss = WeightLoss(objective)
    if loss == "midpoint":
        task = TaskLoss(a, problem.labelled, examples=examples, batch=batch, seed=problem.seed)
        descent = MidpointLoss(a, b, symmetry, task)
    types = {x.dtype for x in objective.still.values()}
    dtype = torch.float64 if torch.float64 in types else torch.float32
    start = near_identity(objective.blocks, problem.rng(1), a.device, dtype)
    implicit = gradient == "implicit"
    free = {name: x.requires_grad_() for name, x in start.items()}
    if not free:
        return Result.of_elements(identity(symmetry), (-descent.hard(identity(symmetry)),))
    optimiser = torch.optim.Adam(free.values(), lr=rate)
    best = last = identity(symmetry)
    history, changed = [-descent.hard(best)], 0
    for step in range(steps):
        problem.report("Sinkhorn re-basin", step, steps)
        optimiser.zero_grad()
        descent.soft(soft_plans(free, scale, iterations, implicit=implicit)).backward()
        optimiser.step()
        if step % 5 == 4 or step == steps - 1:
            perms = projected(objective.blocks, symmetry, soft_plans(free, scale, iterations, implicit=True))
            if any((perm != last[name]).any() for name, perm in perms.items()):
                last, changed, value = perms, step + 1, -descent.hard(perms)
                if value > history[-1]:
                    best, history = perms, [*history, value]
    return Result.of_elements(best, history).noting(still_changing(changed, steps))


METHOD = Method(
    name="sinkhorn-rebasin",
    title="Sinkhorn re-basin",
    summary="Learn soft permutations by gradient descent, on weights or the midpoint's loss.",
    paper=Paper(
        "Guerrero Peña 2022",
        "Re-basin via implicit Sinkhorn differentiation",
        "https://arxiv.org/abs/2212.12042",
    ),
    solve=solve,
    parameters=(
        Option("loss", str, "weights", "What is descended on.", choices=("weights", "midpoint")),
        Option("steps", int, 100, "Gradient steps.", low=1, high=100_000),
        Option("rate", float, 0.1, "Learning rate of Adam.", low=0, high=100),
        Option("scale", float, 2.0, "Sharpness of the soft permutations.", low=0.01, high=10_000),
        Option("iterations", int, 20, "Sinkhorn iterations per step.", low=1, high=1000),
        Option(
            "gradient",
            str,
            "implicit",
            "Of the plan: at its end, or through the iterations.",
            choices=("implicit", "unrolled"),
        ),
        Option("examples", int, 10_000, "Training examples for the midpoint's loss; 0 = all.", low=0),
        Option("batch", int, 128, "Examples per step, for the midpoint's loss.", low=1, high=10_000),
    ),
    look={"steps": 20},
)
