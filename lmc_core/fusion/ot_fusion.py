"""OT fusion: every model aligned to one of them by transport, layer by layer in a single pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import SINGH
from lmc_core.fusion._fusion import COMPARE, SOLVER, Fusion
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
    metric: str,
    base: int,
) -> Result:
    """π_i = OT(C_i), C_jk = d(W_j, Ŵ^i_k), Ŵ^i = W^i (k' π'_i)ᵀ, the target W fixed; W = Σ λ_i k π_i Ŵ^i (Singh 2020,
    alg. 1). The target is model `base`, or its distillation where the fused widths are others."""
    from lmc_core.alignment.distance import by_responses, by_weights, rooted
    from lmc_core.alignment.passes import layer_by_layer, staying, transported
    from lmc_core.alignment.solve import Solver
    from lmc_core.fusion.barycenter import averaged
    from lmc_core.fusion.start import starting

    transport, distance = Solver(solver, epsilon), by_weights(spread=False)
    target, notes = starting(problem, transported(by_weights(), Solver()), start="auto", base=base, iterations=100)
    if compare == "activations":
        distance = by_responses(problem.examples(examples), ties=distance)
    if metric == "euclidean":
        distance = rooted(distance)
    couple = transported(distance, transport)
    found = layer_by_layer(problem, staying(couple) if solver == "emd" else couple, target)
    return averaged(problem, found).noting((*notes, *transport.notes))


FUSION = Fusion(
    name="ot-fusion",
    title="OT fusion",
    summary="Each model is aligned to a fixed one by optimal transport, in one pass, and averaged.",
    paper=SINGH,
    solve=solve,
    parameters=(
        *SOLVER,
        *COMPARE,
        Option("metric", str, "squared", "Distance of two units, squared or not.", choices=("squared", "euclidean")),
        Option("base", int, 0, "Number of the model the others are aligned to.", low=0),
    ),
)
