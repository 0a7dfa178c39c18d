"""Layer-wise weight matching: the units of each layer by their incoming weights alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import FERBACH, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, passes: int) -> Result:
    """max over P_l of <W^A_l, P_l W^B_l P_{l-1}ᵀ> for one layer after the other (Ferbach 2024, "naive WM").

    Recurrent layers, where one pass is not exact, are solved from several starts.
    """
    from lmc_core.alignment.objective import entering_objective
    from lmc_core.alignment.sweeps import forward_best

    objective = entering_objective(problem.reference, problem.moved, problem.symmetry)
    return forward_best(objective, problem.rng(1), limit=passes, report=problem.report)


METHOD = Method(
    name="layerwise-weight-matching",
    title="Layer-wise weight matching",
    summary="Match each layer's units by their incoming weights only, input to output.",
    paper=FERBACH,
    solve=solve,
    parameters=(Option("passes", int, 10, "Most passes from input to output.", low=1, high=100),),
)
