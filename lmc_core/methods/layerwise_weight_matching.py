"""Layer-wise weight matching: the units of each layer by their incoming weights alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.methods._method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(problem: Problem, *, passes: int) -> Outcome:
    """max over P_l of <W^A_l, P_l W^B_l P_{l-1}ᵀ> for one layer after the other (Ferbach 2024, "naive WM").

    Recurrent layers, where one pass is not exact, are solved from several starts.
    """
    from lmc_core.alignment.objective import Objective
    from lmc_core.alignment.schedule import forward_best
    from lmc_core.alignment.terms import entering_terms

    objective = Objective(problem.moved, problem.symmetry, entering_terms(problem.reference, problem.symmetry))
    return forward_best(objective, problem.rng(1), limit=passes, report=problem.report)


METHOD = Method(
    name="layerwise-weight-matching",
    title="Layer-wise weight matching",
    summary="Match each layer's units by their incoming weights only, input to output.",
    paper=Paper(
        "Ferbach 2024",
        "Proving Linear Mode Connectivity of Neural Networks via Optimal Transport",
        "https://arxiv.org/abs/2310.19103",
    ),
    solve=solve,
    parameters=(Option("passes", int, 10, "Most passes from input to output.", low=1, high=100),),
)
