"""Frank–Wolfe: all groups at once, over plans instead of permutations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.methods._method import Method, Paper, Parameter

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(problem: Problem, *, restarts: int, iterations: int, sweeps: int) -> Outcome:
    """max over doubly stochastic P of Σ <A, T(B, P)> by conditional gradients (Crisostomi 2024, alg. 1, two models).

    Each step solves an assignment per group for the gradient of all of them and goes the best part of the way there.
    The plans reached are rounded to permutations, which a coordinate sweep then completes. The first start spreads
    every unit over all others, the second is the networks as they are, the next are random orders around the first.
    """
    from dataclasses import replace

    from lmc_core.alignment.objective import Objective
    from lmc_core.alignment.relaxed import Relaxed, frank_wolfe
    from lmc_core.alignment.schedule import best_of, random_start, sweep
    from lmc_core.alignment.terms import weight_terms
    from lmc_core.symmetry.permute import identity

    objective = Objective(problem.moved, problem.symmetry, weight_terms(problem.reference, problem.symmetry))
    relaxed = Relaxed(objective)
    found = []
    for restart in range(restarts):
        rng = problem.rng(1, restart)
        start = relaxed.centre() if restart != 1 else relaxed.vertex(identity(problem.symmetry))
        if restart > 1:
            drawn = relaxed.vertex(random_start(objective, rng))
            start = {name: 0.5 * plan + 0.5 * drawn[name] for name, plan in start.items()}

        def tick(step: int, restart: int = restart) -> None:
            problem.report(f"Frank–Wolfe, start {restart + 1}", step, iterations)

        walk = frank_wolfe(relaxed, start, limit=iterations, tick=tick)
        rounded = sweep(objective, rng, start=relaxed.best(walk.plans), limit=sweeps, report=problem.report)
        if not walk.converged:
            note = f"Frank–Wolfe still improved after {iterations} steps"
            rounded = replace(rounded, converged=False, notes=(note, *rounded.notes))
        found.append(rounded)
    best = best_of(found)
    if best.history[-1] < best.history[0]:  # rounding may lose what the plans gained
        best = best_of([*found, sweep(objective, problem.rng(1), limit=sweeps, report=problem.report)])
    return best


METHOD = Method(
    name="frank-wolfe",
    title="Frank–Wolfe matching",
    summary="Match all layers at once over soft plans, then round them.",
    paper=Paper(
        "Crisostomi 2024",
        "C²M³: Cycle-Consistent Multi-Model Merging",
        "https://arxiv.org/abs/2405.17897",
    ),
    solve=solve,
    parameters=(
        Parameter("restarts", int, 3, "Starts tried; the best is kept and the spread shown.", low=1, high=100),
        Parameter("iterations", int, 200, "Most Frank–Wolfe steps per start.", low=1, high=10_000),
        Parameter("sweeps", int, 100, "Most passes over all groups per start.", low=1, high=1000),
    ),
)
