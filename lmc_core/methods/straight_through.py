"""Straight-through matching: permutations chosen by the loss at the midpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import AINSWORTH, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, steps: int, rate: float, momentum: float, examples: int, batch: int) -> Result:
    """min over P of L(½ θ_A + ½ T(θ_B, P)) (Ainsworth 2022, alg. 3).

    A free θ̂ starts at θ_A. Each step projects it, P = weight matching of θ̂ with θ_B from the last P, takes the loss at
    the midpoint of A and T(θ_B, P), and moves θ̂ as if it were T(θ_B, P). The P with the smallest loss on a fixed part
    of the training data is kept; the objective shown is minus that loss.
    """
    import torch

    from lmc_core.alignment.objective import weight_objective
    from lmc_core.alignment.result import Result, still_changing
    from lmc_core.alignment.sweeps import sweep
    from lmc_core.alignment.terms import weight_terms
    from lmc_core.methods.weight_matching import solve as weight_matching
    from lmc_core.paths.loss import TaskLoss
    from lmc_core.paths.path import Blend
    from lmc_core.symmetry.permute import identity, permute

    a, b, symmetry = problem.reference, problem.moved, problem.symmetry
    loss = TaskLoss(a, problem.labelled, examples=examples, batch=batch, seed=problem.seed)
    judged = loss.fixed(8)

    def worth(state: object) -> float:
        return -loss.mean(dict(Blend(a.state, state, 0.5)), judged)  # type: ignore[arg-type]

    best = identity(symmetry)
    history = [worth(b.state)]
    perms = weight_matching(problem, restarts=3, sweeps=100, balanced="off", signed=False).perms
    moved = permute(b.state, symmetry, perms)
    free = {name: x for term in weight_terms(a, symmetry) for name, x in term.targets.items()}
    if not free:
        return Result.of_elements(best, history)
    speed = {name: torch.zeros_like(x) for name, x in free.items()}
    changed, batches = 0, loss.endless()
    for step in range(steps + 1):
        problem.report("straight-through matching", step, steps)
        if changed == step:  # at the start, and whenever the permutations are new
            value = worth(moved)
            if value > history[-1]:
                best, history = perms, [*history, value]
        middle = {name: x.detach() for name, x in Blend(a.state, moved, 0.5).items()}
        leaves = {name: middle[name].requires_grad_() for name in free}
        gradient = torch.autograd.grad(loss({**middle, **leaves}, next(batches)), list(leaves.values()))
        for name, g in zip(leaves, gradient, strict=True):
            speed[name] = momentum * speed[name] + 0.5 * g  # the midpoint moves half as far as B
            free[name] = free[name] - rate * speed[name]
        latent = a.with_state({**a.state, **free})
        found = sweep(weight_objective(latent, b, symmetry), problem.rng(2, step), start=perms)
        if any((perm != perms[name]).any() for name, perm in found.perms.items()):
            changed, perms = step + 1, found.perms
            moved = permute(b.state, symmetry, perms)
    return Result.of_elements(best, history).noting(still_changing(changed, steps))


METHOD = Method(
    name="straight-through",
    title="Straight-through matching",
    summary="Git Re-Basin STE: learn the permutations that make the midpoint's loss small.",
    paper=AINSWORTH,
    solve=solve,
    parameters=(
        Option("steps", int, 200, "Gradient steps, each with one weight matching.", low=1, high=100_000),
        Option("rate", float, 0.01, "Learning rate.", low=0, high=100),
        Option("momentum", float, 0.9, "Momentum of the steps.", low=0, high=0.999),
        Option("examples", int, 10_000, "Training examples the loss is taken on; 0 = all.", low=0),
        Option("batch", int, 128, "Examples per step.", low=1, high=10_000),
    ),
    needs_data=True,
    look={"steps": 20},
)
