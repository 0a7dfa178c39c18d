"""Wasserstein barycentre: layers as measures of units, units as functions on the units before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.fusion._fusion import AKASH, COMPARE, SOLVER, Fusion
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.fusion.merge import Fused, FusionProblem

START = (
    Option(
        "start",
        str,
        "auto",
        "First template: a copy of the base model, or its units chosen and distilled to the new widths.",
        choices=("auto", "identity", "distill"),
    ),
    Option("base", int, 0, "Number of the model the template starts from.", low=0),
    Option("iterations", int, 100, "Most couplings and barycentres per layer.", low=1, high=10_000),
)


def solve(
    problem: FusionProblem,
    *,
    solver: str,
    epsilon: float,
    compare: str,
    examples: int,
    start: str,
    base: int,
    iterations: int,
    passes: int,
) -> Fused:
    """min over W, π of Σ_i λ_i <π_i, C_i> layer by layer, C_jk = Σ_pq (W_jp − W^i_kq)² π_pq with π that of the layer
    before; W ← k k' Σ_i λ_i π_i W_i π'_iᵀ (Akash 2022). Layers with recurrent weights are coupled by their inputs."""
    from lmc_core.alignment.plans import Solver, stopped_short
    from lmc_core.fusion.alternate import alternate, starting
    from lmc_core.fusion.couple import by_responses, by_weights

    errors: list[float] = []
    transport = Solver(solver, epsilon, tell=errors.append)
    weights = by_weights(transport)
    first, notes = starting(problem, weights, start=start, base=base, iterations=iterations)
    couple = weights if compare == "weights" else by_responses(transport, problem.examples(examples))
    found = alternate(problem, couple, first, iterations=iterations, passes=passes)
    return found.but((*notes, *stopped_short(errors)))


FUSION = Fusion(
    name="wasserstein-barycenter",
    title="Wasserstein barycentre",
    summary="Units are functions on the units before them; each layer is a free-support barycentre.",
    paper=AKASH,
    solve=solve,
    parameters=(
        *SOLVER,
        *COMPARE,
        *START,
        Option(
            "passes",
            int,
            1,
            "Passes over all layers; later ones see all that writes a stream.",
            low=1,
            high=20,
        ),
    ),
)
