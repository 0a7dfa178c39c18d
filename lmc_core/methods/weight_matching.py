"""Weight matching: the units whose weights, incoming and outgoing, resemble each other most."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmc_core.alignment.method import AINSWORTH, LEVELS, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, restarts: int, sweeps: int, balanced: str, signed: bool) -> Result:
    """Coordinate ascent on Σ <A, T(B, P)> over all parameters (Ainsworth 2022, alg. 1), best of several starts.

    On plain chains of layers the first start is the layer-wise solution and the second leaves all units where they are;
    on residual and recurrent networks, where the layer-wise one was worse, the other way round. Further ones are
    random, and a start that falls far behind is left early. Units that differ much in scale are balanced before
    (`balanced`), those of odd functions may turn their sign (`signed`).
    """
    from lmc_core.alignment.levels import Levelled
    from lmc_core.alignment.objective import entering_objective, weight_objective
    from lmc_core.alignment.result import best_of
    from lmc_core.alignment.sweeps import start, sweep

    level = Levelled.of(problem, balanced=balanced, signed=signed)
    a, b, classes, report = level.problem.reference, level.problem.moved, level.classes, problem.report
    objective = weight_objective(a, b, level.symmetry, classes=classes)
    layerwise = partial(entering_objective, a, b, level.symmetry, classes=classes)
    first = (1, 0) if objective.wiring.chain else (0, 1)
    found: list[Result] = []
    for number in (*first, *range(2, restarts))[:restarts]:
        rng = problem.rng(1, number)
        begin = start(number, objective, layerwise, problem, rng) if number else None
        beat = max((result.history[-1] for result in found), default=None)
        found.append(sweep(objective, rng, start=begin, limit=sweeps, report=report, beat=beat))
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
