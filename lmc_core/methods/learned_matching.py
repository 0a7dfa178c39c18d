"""Learned matching: rotations, scales and maps inside heads that make the loss along the whole path small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.coupling import Elements
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, steps: int, rate: float, examples: int, batch: int) -> Result:
    """min over G of E_t L((1 − t) θ_A + t T(θ_B, G)), t ~ U(0.1, 0.9), from the full-symmetry matching (Theus 2025).

    Rotations are O₀ exp(S − Sᵀ), within those that leave the all-ones vector alone where a group must; invertible maps
    G₀ + D; scales of units exp(s). Permutations stay as they were matched. Adam with a cosine decay to a twentieth of
    its rate. The elements with the smallest loss half-way, on a fixed part of the training data, are kept: none, those
    of the start, or the last ones. The objective shown is minus that loss.
    """
    import torch

    from lmc_core.alignment.learn import Learned
    from lmc_core.alignment.result import Result
    from lmc_core.methods.full_symmetry_matching import solve as matched
    from lmc_core.paths.loss import TaskLoss
    from lmc_core.paths.path import Blend
    from lmc_core.symmetry.move import move, moved
    from lmc_core.symmetry.permute import identity

    a, b, symmetry = problem.reference, problem.moved, problem.symmetry
    loss = TaskLoss(a, problem.labelled, examples=examples, batch=batch, seed=problem.seed)
    judged, batches, times = loss.fixed(8), loss.endless(), problem.rng(3)
    start = matched(problem, compare="responses", examples=1_000, restarts=3, passes=100)
    learned = Learned(symmetry, {name: c.element for name, c in start.couplings[0].items()}, a.device)

    def worth(elements: Elements) -> float:
        return -loss.mean(dict(Blend(a.state, move(b.state, symmetry, elements), 0.5)), judged)

    still: Elements = {**identity(symmetry)}
    kept = max(still, learned.start, key=worth)
    history = [worth(still), worth(kept)]
    if not learned.count:
        note = "no group of this network has a class above permutation: nothing was learned"
        return Result.of_elements(kept, history, notes=(note,))
    adam = torch.optim.Adam(learned.free.values(), lr=rate)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps, eta_min=rate / 20)
    for step in range(steps):
        problem.report("learning the maps", step, steps)
        adam.zero_grad()
        state = moved(b.state, symmetry, learned.movers())
        loss(dict(Blend(a.state, state, times.uniform(0.1, 0.9))), next(batches)).backward()
        adam.step()
        slower.step()
    found = learned.elements()
    last = worth(found)
    said = f"{learned.count:,} numbers were learned in {steps:,} steps of {loss.rows} examples, of {loss.examples:,}"
    if not last > history[-1]:
        return Result.of_elements(kept, history, notes=(f"{said}; the loss half-way did not fall by it",))
    return Result.of_elements(found, [*history, last], notes=(said,))


METHOD = Method(
    name="learned-matching",
    title="Learned matching",
    summary="Learn rotations and maps by the loss along the path; needs labels.",
    paper=Paper(
        "Theus 2025",
        "Generalized Linear Mode Connectivity for Transformers",
        "https://arxiv.org/abs/2506.22712",
    ),
    solve=solve,
    parameters=(
        Option("steps", int, 300, "Gradient steps.", low=1, high=100_000),
        Option("rate", float, 0.005, "Learning rate of Adam.", low=0, high=100),
        Option("examples", int, 10_000, "Training examples the loss is taken on; 0 = all.", low=0),
        Option("batch", int, 128, "Examples per step.", low=1, high=10_000),
    ),
    needs_data=True,
    canonical=True,
    learns=True,
    look={"steps": 30},
)
