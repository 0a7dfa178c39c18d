"""Weight matching: the units whose weights, incoming and outgoing, resemble each other most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.methods._method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(problem: Problem, *, restarts: int, sweeps: int) -> Outcome:
    """Coordinate ascent on Σ <A, T(B, P)> over all parameters (Ainsworth 2022, alg. 1), best of several starts.

    The first start leaves all units where they are, the second is the layer-wise solution, the others are random:
    on residual networks and wide layers the second is most often the best.
    """
    from lmc_core.alignment.objective import Objective
    from lmc_core.alignment.schedule import best_of, forward_best, random_start, sweep
    from lmc_core.alignment.terms import entering_terms, weight_terms

    a, b, symmetry, report = problem.reference, problem.moved, problem.symmetry, problem.report
    objective = Objective(b, symmetry, weight_terms(a, symmetry))
    found = []
    for restart in range(restarts):
        rng = problem.rng(1, restart)
        start = None
        if restart == 1:
            layerwise = Objective(b, symmetry, entering_terms(a, symmetry))
            start = forward_best(layerwise, problem.rng(1), report=report).perms
        elif restart > 1:
            start = random_start(objective, rng)
        found.append(sweep(objective, rng, start=start, limit=sweeps, report=report))
    return best_of(found)


METHOD = Method(
    name="weight-matching",
    title="Weight matching",
    summary="Git Re-Basin: match units by all their weights, in and out, until stable.",
    paper=Paper(
        "Ainsworth 2022",
        "Git Re-Basin: Merging Models modulo Permutation Symmetries",
        "https://arxiv.org/abs/2209.04836",
    ),
    solve=solve,
    parameters=(
        Option("restarts", int, 3, "Starts tried; the best is kept and the spread shown.", low=1, high=100),
        Option("sweeps", int, 100, "Most passes over all groups per start.", low=1, high=1000),
    ),
)
