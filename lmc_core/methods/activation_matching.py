"""Activation matching: the units that respond alike to the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmc_core.methods._method import Method, Paper, Parameter

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(
    problem: Problem, *, examples: int, compare: Literal["covariance", "correlation", "second-moment"]
) -> Outcome:
    """max over P of <P, Cov(φ^A, φ^B)> for each group by itself (Li 2016; Ferbach 2024, §6).

    φ are the activations that later weights read, after the non-linearity; several of them are summed.
    """
    from lmc_core.alignment.moments import cross_costs, cross_moments
    from lmc_core.alignment.schedule import each_once

    x = problem.examples(examples)
    moments = cross_moments(problem.reference, problem.moved, problem.symmetry, x, report=problem.report)
    return each_once(problem.symmetry, cross_costs(problem.symmetry, moments, compare), report=problem.report)


METHOD = Method(
    name="activation-matching",
    title="Activation matching",
    summary="Match units that respond alike to the same training examples.",
    paper=Paper(
        "Li 2016",
        "Convergent Learning: Do Different Neural Networks Learn the Same Representations?",
        "https://arxiv.org/abs/1511.07543",
    ),
    solve=solve,
    parameters=(
        Parameter("examples", int, 10_000, "Training examples compared; 0 = all.", low=0),
        Parameter(
            "compare",
            str,
            "covariance",
            "What of two units' responses is compared.",
            choices=("covariance", "correlation", "second-moment"),
        ),
    ),
    needs_data=True,
)
