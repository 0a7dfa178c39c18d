"""Weight matching: the units whose weights, incoming and outgoing, resemble each other most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import AINSWORTH, LEVELS, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.coupling import Elements
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, restarts: int, sweeps: int, balanced: str, signed: bool) -> Result:
    """Coordinate ascent on Σ <A, T(B, P)> over all parameters (Ainsworth 2022, alg. 1), best of several starts.

    The first start leaves all units where they are, the second is the layer-wise solution, the others are random. On
    plain chains the second is most often the best, on residual networks the first. Units that differ much in scale are
    balanced before (`balanced`), those of odd functions may turn their sign (`signed`).
    """
    from lmc_core.alignment.levels import Levelled
    from lmc_core.alignment.objective import entering_objective, weight_objective
    from lmc_core.alignment.result import best_of
    from lmc_core.alignment.sweeps import forward_best, random_start, sweep

    level = Levelled.of(problem, balanced=balanced, signed=signed)
    a, b, classes, report = level.problem.reference, level.problem.moved, level.classes, problem.report
    objective = weight_objective(a, b, level.symmetry, classes=classes)
    found = []
    for restart in range(restarts):
        rng = problem.rng(1, restart)
        start: Elements | None = None
        if restart == 1:
            entering = entering_objective(a, b, level.symmetry, classes=classes)
            start = forward_best(entering, problem.rng(1), report=report).elements
        elif restart > 1:
            start = {**random_start(objective, rng)}
        found.append(sweep(objective, rng, start=start, limit=sweeps, report=report))
    return level.back(best_of(found))


METHOD = Method(
    name="weight-matching",
    title="Weight matching",
    summary="Git Re-Basin: match units by all their weights, in and out, until stable.",
    paper=AINSWORTH,
    solve=solve,
    parameters=(
        Option("restarts", int, 3, "Starts tried; the best is kept and the spread shown.", low=1, high=100),
        Option("sweeps", int, 100, "Most passes over all groups per start.", low=1, high=1000),
        *LEVELS,
    ),
)
