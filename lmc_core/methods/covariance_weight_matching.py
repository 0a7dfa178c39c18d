"""Covariance-weighted weight matching: incoming weights compared as the data sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import FERBACH, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, examples: int, bias: bool, passes: int) -> Result:
    """min over P_l of ‖W^A_l − P_l W^B_l P_{l-1}ᵀ‖²_Σ = E‖pre-activation mismatch‖² (Ferbach 2024, §6).

    Σ is the uncentred second moment of what the layer reads in the reference network. Recurrent layers, where one
    pass is not exact, are solved from several starts, one of them the layer-wise solution with Σ = I.
    """
    from lmc_core.alignment.moments import input_moments
    from lmc_core.alignment.objective import entering_objective
    from lmc_core.alignment.sweeps import forward_best

    a, b, symmetry, report = problem.reference, problem.moved, problem.symmetry, problem.report
    moments = input_moments(a, symmetry, problem.examples(examples), seed=problem.seed, report=report)
    plain, weighed = (entering_objective(a, b, symmetry, metric, bias) for metric in (None, moments))
    starts = [forward_best(plain, problem.rng(1), report=report).perms] if plain.wiring.entangled else []
    return forward_best(weighed, problem.rng(2), starts=starts, limit=passes, report=report)


METHOD = Method(
    name="covariance-weight-matching",
    title="Covariance-weighted weight matching",
    summary="Match each layer's units by how differently they respond to the data.",
    paper=FERBACH,
    solve=solve,
    parameters=(
        Option("examples", int, 10_000, "Training examples for the covariance; 0 = all.", low=0),
        Option("bias", bool, False, "Count the bias as the weight of a constant input."),
        Option("passes", int, 10, "Most passes from input to output.", low=1, high=100),
    ),
    needs_data=True,
)
