"""Activation matching: the units that respond alike to the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmc_core.alignment.method import LEVELS, Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(
    problem: Problem,
    *,
    examples: int,
    compare: Literal["covariance", "correlation", "second-moment"],
    balanced: str,
    signed: bool,
) -> Result:
    """max over P of <P, Cov(φ^A, φ^B)> for each group by itself (Li 2016; Ferbach 2024, §6).

    φ are the activations that later weights read, after the non-linearity; several of them are summed. Units that
    respond alike, as those that never respond, and groups that no activation carries go by their incoming weights.
    Where an activation carries two groups (tokens and channels of a mixer) a second pass sees each with the other in
    order. Units that differ much in scale are balanced before (`balanced`), those of odd functions may turn their sign
    (`signed`).
    """
    from lmc_core.alignment.levels import Levelled
    from lmc_core.alignment.moments import cross_costs, cross_moments, entangled
    from lmc_core.alignment.objective import entering_objective
    from lmc_core.alignment.sweeps import each_once

    level = Levelled.of(problem, balanced=balanced, signed=signed)
    a, b, symmetry, x = level.problem.reference, level.problem.moved, level.symmetry, problem.examples(examples)
    ties = entering_objective(a, b, symmetry, classes=level.classes)
    moments = cross_moments(a, b, symmetry, x, report=problem.report)
    found = each_once(ties, cross_costs(symmetry, moments, compare), report=problem.report)
    if entangled(symmetry):
        moments = cross_moments(a, b, symmetry, x, known=found.perms, report=problem.report)
        found = each_once(ties, cross_costs(symmetry, moments, compare), report=problem.report)
    return level.back(found)


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
        Option("examples", int, 10_000, "Training examples compared; 0 = all.", low=0),
        Option(
            "compare",
            str,
            "covariance",
            "What of two units' responses is compared.",
            choices=("covariance", "correlation", "second-moment"),
        ),
        *LEVELS,
    ),
    needs_data=True,
)
