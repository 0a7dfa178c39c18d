"""No alignment: the straight line between the networks as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.methods._method import Method, Paper

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(problem: Problem) -> Outcome:
    """Every unit stays where it is; the objective shown is that of weight matching."""
    from lmc_core.alignment.objective import Objective, Position
    from lmc_core.alignment.schedule import outcome
    from lmc_core.alignment.terms import weight_terms
    from lmc_core.symmetry.permute import identity

    perms = identity(problem.symmetry)
    terms = weight_terms(problem.reference, problem.symmetry)
    return outcome(perms, (Position(Objective(problem.moved, problem.symmetry, terms), perms).total,))


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
