"""OT alignment: one transport problem per layer, hard or soft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmc_core.methods._method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmc_core.alignment.blocks import Block
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.alignment.passes import Far
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.schedule import Outcome


def solve(
    problem: Problem,
    *,
    features: Literal["weights", "activations"],
    solver: Literal["emd", "sinkhorn"],
    epsilon: float,
    squared: bool,
    round: bool,
    examples: int,
) -> Outcome:
    """π_l = OT(C_l), C_jk = ‖W^A_j − (W^B π_{l-1}ᵀ)_k‖ or a distance of responses, one layer after the other
    (Singh 2020, alg. 1): a single pass with uniform marginals.

    With soft plans every unit of B becomes a mean of several, which changes its function; `round` makes each plan the
    permutation that keeps most of its mass.
    """
    from dataclasses import replace

    from lmc_core.alignment.moments import cross_moments
    from lmc_core.alignment.passes import one_pass, response_costs, weight_costs
    from lmc_core.alignment.plans import Solver, stopped_short

    a, b, symmetry, report = problem.reference, problem.moved, problem.symmetry, problem.report
    costs = weight_costs(a, b, symmetry)
    if features == "activations":
        moments = cross_moments(a, b, symmetry, problem.examples(examples), report=report)
        costs = response_costs(symmetry, moments, ties=costs)

    def distances(block: Block, known: Mapping[str, Coupling]) -> Far | None:
        far = costs(block, known)
        return far if squared or far is None else far.root()

    errors: list[float] = []
    transport = Solver(solver, epsilon, tell=errors.append)
    found = one_pass(symmetry, distances, transport, harden=round, report=report)
    return replace(found, converged=not errors, notes=(*found.notes, *stopped_short(errors)))


METHOD = Method(
    name="ot-alignment",
    title="OT alignment",
    summary="Transport the units of each layer once, input to output; plans may be soft.",
    paper=Paper(
        "Singh 2020",
        "Model Fusion via Optimal Transport",
        "https://arxiv.org/abs/1910.05653",
    ),
    solve=solve,
    parameters=(
        Option("features", str, "weights", "What of two units is compared.", choices=("weights", "activations")),
        Option("solver", str, "emd", "Exact plans, or soft ones.", choices=("emd", "sinkhorn")),
        Option("epsilon", float, 0.005, "How soft, relative to the largest distance.", low=1e-5, high=10),
        Option("squared", bool, True, "Squared distances."),
        Option("round", bool, False, "Round soft plans to permutations."),
        Option("examples", int, 1000, "Training examples compared, for activations; 0 = all.", low=0),
    ),
)
