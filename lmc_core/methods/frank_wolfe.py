"""Frank–Wolfe: all groups at once, over plans instead of permutations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import CRISOSTOMI, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


LIMITS = (
    Option("restarts", int, 3, "Starts tried; the best is kept and the spread shown.", low=1, high=100),
    Option("iterations", int, 200, "Most Frank–Wolfe steps per start.", low=1, high=10_000),
    Option("sweeps", int, 100, "Most passes over all groups per start.", low=1, high=1000),
)
"""Where methods that walk over plans stop."""


def solve(problem: Problem, **limits: int) -> Result:
    """max over doubly stochastic P of Σ <A, T(B, P)> by conditional gradients (Crisostomi 2024, alg. 1, two models).

    Each step solves an assignment per group for the gradient of all of them and goes the best part of the way there.
    The plans reached are rounded to permutations, which coordinate sweeps then complete.
    """
    from lmc_core.alignment.objective import weight_objective
    from lmc_core.alignment.relaxed import matched

    objective = weight_objective(problem.reference, problem.moved, problem.symmetry)
    return matched(objective, problem, **limits)


METHOD = Method(
    name="frank-wolfe",
    title="Frank–Wolfe matching",
    summary="Match all layers at once over soft plans, then round them.",
    paper=CRISOSTOMI,
    solve=solve,
    parameters=LIMITS,
    look={"restarts": 1},
)
