"""Covariance-weighted weight matching: incoming weights compared as the data sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.methods._method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(problem: Problem, *, examples: int, bias: bool, passes: int) -> Outcome:
    """min over P_l of ‖W^A_l − P_l W^B_l P_{l-1}ᵀ‖²_Σ = E‖pre-activation mismatch‖² (Ferbach 2024, §6).

    Σ is the uncentred second moment of what the layer reads in the reference network. Recurrent layers, where one
    pass is not exact, are solved from several starts, one of them the layer-wise solution with Σ = I.
    """
    from lmc_core.alignment.moments import input_moments
    from lmc_core.alignment.objective import Objective
    from lmc_core.alignment.schedule import forward_best
    from lmc_core.alignment.terms import entering_terms

    a, b, symmetry, report = problem.reference, problem.moved, problem.symmetry, problem.report
    plain, weighed = (
        Objective(b, symmetry, entering_terms(a, symmetry, moments, bias))
        for moments in (None, input_moments(a, symmetry, problem.examples(examples), seed=problem.seed, report=report))
    )
    starts = [forward_best(plain, problem.rng(1), report=report).perms] if plain.entangled else []
    return forward_best(weighed, problem.rng(2), starts=starts, limit=passes, report=report)


METHOD = Method(
    name="covariance-weight-matching",
    title="Covariance-weighted weight matching",
    summary="Match each layer's units by how differently they respond to the data.",
    paper=Paper(
        "Ferbach 2024",
        "Proving Linear Mode Connectivity of Neural Networks via Optimal Transport",
        "https://arxiv.org/abs/2310.19103",
    ),
    solve=solve,
    parameters=(
        Option("examples", int, 10_000, "Training examples for the covariance; 0 = all.", low=0),
        Option("bias", bool, False, "Count the bias as the weight of a constant input."),
        Option("passes", int, 10, "Most passes from input to output.", low=1, high=100),
    ),
    needs_data=True,
)
