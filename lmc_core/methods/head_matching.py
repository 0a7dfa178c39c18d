"""Head-aware matching for transformers: heads by the circuits they compute, the stream by a policy of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmc_core.alignment.method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, residual: Literal["permute", "identity"], passes: int) -> Result:
    """Heads by a LAP on ‖QK^A_i − QK^B_j‖² + ‖OV^A_i − OV^B_j‖² (Theus 2025), everything else as in weight matching.

    The circuits QK = W_Qᵀ W_K and OV = W_O W_V do not depend on the order of the units inside a head, which weight
    matching has to find together with the heads. Passes repeat until nothing moves; of all passes the order with the
    largest weight objective is kept. The residual stream is permuted, or held where it is.
    """
    from lmc_core.alignment.heads import attention_groups, by_circuits, streams
    from lmc_core.alignment.objective import Position, entering_objective, weight_objective
    from lmc_core.alignment.result import Result
    from lmc_core.alignment.sweeps import forward_best
    from lmc_core.errors import InputError
    from lmc_core.symmetry.permute import identity

    a, b, symmetry = problem.reference, problem.moved, problem.symmetry
    heads = attention_groups(a, symmetry)
    if not heads:
        raise InputError("the network has no attention heads that can be re-ordered: use weight-matching")
    held = streams(a, symmetry) if residual == "identity" else frozenset()
    objective = weight_objective(a, b, symmetry)
    starts = [identity(symmetry)]
    if not held:
        starts.append(forward_best(entering_objective(a, b, symmetry), problem.rng(1)).perms)
    found = Result.of_elements(starts[0], [Position(objective, starts[0]).total])
    for number, start in enumerate(starts):
        at, stage = Position(objective, start), f"matching heads, start {number + 1}"
        found = by_circuits(objective, at, found, heads, held, passes=passes, stage=stage, report=problem.report)
    return found


METHOD = Method(
    name="head-matching",
    title="Head matching",
    summary="Match attention heads by what they compute; for transformers.",
    paper=Paper(
        "Theus 2025",
        "Generalized Linear Mode Connectivity for Transformers",
        "https://arxiv.org/abs/2506.22712",
    ),
    solve=solve,
    parameters=(
        Option(
            "residual",
            str,
            "permute",
            "What happens to the residual stream.",
            choices=("permute", "identity"),
        ),
        Option("passes", int, 20, "Most passes over all groups.", low=1, high=1000),
    ),
)
