"""No alignment: the straight line between the networks as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import Method, Paper

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem) -> Result:
    """P = I: every unit stays where it is (Frankle 2020); the objective shown is that of weight matching."""
    from lmc_core.alignment.objective import Position, weight_objective
    from lmc_core.alignment.result import Result
    from lmc_core.symmetry.permute import identity

    perms = identity(problem.symmetry)
    objective = weight_objective(problem.reference, problem.moved, problem.symmetry)
    return Result.of_elements(perms, (Position(objective, perms).total,))


METHOD = Method(
    name="identity",
    title="Naive (no alignment)",
    summary="The straight line between the networks as they are.",
    paper=Paper(
        "Frankle 2020",
        "Linear Mode Connectivity and the Lottery Ticket Hypothesis",
        "https://arxiv.org/abs/1912.05671",
    ),
    solve=solve,
)
