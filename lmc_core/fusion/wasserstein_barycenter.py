"""Wasserstein barycentre: layers as measures of units, units as functions on the units before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import AKASH
from lmc_core.fusion._fusion import COMPARE, SOLVER, START, Fusion
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(
    problem: Problem,
    *,
    solver: str,
    epsilon: float,
    compare: str,
    examples: int,
    start: str,
    base: int,
    iterations: int,
    passes: int,
) -> Result:
    """min over W, π of Σ_i λ_i <π_i, C_i> layer by layer, C_jk = Σ_pq (W_jp − W^i_kq)² π_pq with π that of the layer
    before; W ← k k' Σ_i λ_i π_i W_i π'_iᵀ (Akash 2022). Layers with recurrent weights are coupled by their inputs."""
    from lmc_core.alignment.distance import by_responses, by_weights
    from lmc_core.alignment.passes import transported
    from lmc_core.alignment.solve import Solver
    from lmc_core.fusion.barycenter import alternate
    from lmc_core.fusion.start import starting

    transport, distance = Solver(solver, epsilon), by_weights()
    first, notes = starting(problem, transported(distance, transport), start=start, base=base, iterations=iterations)
    if compare == "activations":
        distance = by_responses(problem.examples(examples), ties=distance)
    found = alternate(problem, transported(distance, transport), first, iterations=iterations, passes=passes)
    return found.noting((*notes, *transport.notes))


FUSION = Fusion(
    name="wasserstein-barycenter",
    title="Wasserstein barycentre",
    summary="Averages matched units layer by layer, as an optimal-transport barycentre.",
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
