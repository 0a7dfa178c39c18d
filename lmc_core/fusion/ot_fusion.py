"""OT fusion: every model aligned to one of them by transport, layer by layer in a single pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.fusion._fusion import COMPARE, SOLVER, Fusion, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.fusion.merge import Fused, FusionProblem


def solve(
    problem: FusionProblem,
    *,
    solver: str,
    epsilon: float,
    compare: str,
    examples: int,
    metric: str,
    base: int,
) -> Fused:
    """π_i = OT(C_i), C_jk = d(W_j, Ŵ^i_k), Ŵ^i = W^i (k' π'_i)ᵀ, the target W fixed; W = Σ λ_i k π_i Ŵ^i (Singh 2020,
    alg. 1). The target is model `base`, or its distillation where the fused widths are others."""
    from lmc_core.alignment.blocks import blocks
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.alignment.plans import Solver, stopped_short
    from lmc_core.fusion.alternate import starting
    from lmc_core.fusion.costs import response_distance, responses, tie_broken, zero
    from lmc_core.fusion.couple import by_weights, unsolved, weight_cost
    from lmc_core.fusion.merge import Fused, barycenter

    errors: list[float] = []
    transport = Solver(solver, epsilon, tell=errors.append)
    target, notes = starting(problem, by_weights(Solver()), start="auto", base=base, iterations=100)
    frame = problem.template.network(target)
    x = problem.examples(examples) if compare == "activations" else None
    found: list[dict[str, Coupling]] = [{} for _ in problem.models]
    history = []
    order = blocks(problem.symmetry)
    for done, block in enumerate(order):
        problem.report("fusing layers", done, len(order))
        value = 0.0
        for model, weight, known in zip(problem.models, problem.weights, found, strict=True):
            cost = weight_cost(problem, block, model, target, known, spread=False)
            if x is not None:
                mine = responses(frame, problem.symmetry, x, block)
                theirs = responses(model.network, model.symmetry, x, block)
                start = zero(block, problem.symmetry, model.symmetry)
                cost = tie_broken(response_distance(block, mine, theirs, start), cost)
            cost = cost.root() if metric == "euclidean" else cost
            known.update(cost.plan(block, transport))
            value += weight * cost.total(block, known)
        history.append(value)
    couplings = tuple({**unsolved(problem, m, known), **known} for m, known in zip(problem.models, found, strict=True))
    state = barycenter(problem, couplings, problem.models[0].state)
    return Fused(state, couplings, tuple(history)).but((*notes, *stopped_short(errors)))


FUSION = Fusion(
    name="ot-fusion",
    title="OT fusion",
    summary="Each model is aligned to a fixed one by optimal transport, in one pass, and averaged.",
    paper=Paper("Singh 2020", "Model Fusion via Optimal Transport", "https://arxiv.org/abs/1910.05653"),
    solve=solve,
    parameters=(
        *SOLVER,
        *COMPARE,
        Option("metric", str, "squared", "Distance of two units, squared or not.", choices=("squared", "euclidean")),
        Option("base", int, 0, "Number of the model the others are aligned to.", low=0),
    ),
)
