"""OT alignment: one transport problem per layer, hard or soft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lmc_core.alignment.method import SINGH, Method
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(
    problem: Problem,
    *,
    features: Literal["weights", "activations"],
    solver: Literal["emd", "sinkhorn"],
    epsilon: float,
    squared: bool,
    round: bool,
    examples: int,
) -> Result:
    """π_l = OT(C_l), C_jk = ‖W^A_j − (W^B π_{l-1}ᵀ)_k‖ or a distance of responses, one layer after the other
    (Singh 2020, alg. 1): a single pass with uniform marginals.

    With soft plans every unit of B becomes a mean of several, which changes its function; `round` makes each plan the
    permutation that keeps most of its mass.
    """
    from lmc_core.alignment.blocks import Block, hardened
    from lmc_core.alignment.coupling import Couplings, hard
    from lmc_core.alignment.distance import by_moments, by_weights, rooted
    from lmc_core.alignment.passes import layer_by_layer
    from lmc_core.alignment.problem import Model, State
    from lmc_core.alignment.result import Result
    from lmc_core.alignment.solve import Solver
    from lmc_core.symmetry.permute import identity

    stay, transport = hard(identity(problem.symmetry)), Solver(solver, epsilon)
    distance = by_weights(spread=False, biases=False)
    if features == "activations":
        distance = by_moments(problem, examples, ties=distance)
    if not squared:
        distance = rooted(distance)
    naive = 0.0

    def couple(
        problem: Problem, block: Block, model: Model, target: State, known: Couplings, step: int
    ) -> tuple[Couplings, float]:
        nonlocal naive
        kept = {name: stay[name] for name in block.names}
        cost, before = (
            distance(problem, block, model, target, there) for there in (known, {n: stay[n] for n in known})
        )
        if cost is None or before is None:
            return kept, 0.0
        plans = hardened(block, cost.plan(block, transport)) if round else cost.plan(block, transport)
        judge = None if all(c.is_hard for c in plans.values()) else transport
        naive -= block.outer.size * before.value(block, kept, judge)
        return plans, block.outer.size * cost.value(block, plans, judge)

    found = layer_by_layer(problem, couple, problem.reference.state, stage="transporting units")
    reached = -sum(found.history)
    if reached < naive:
        note = "the plans cost more than leaving all units in place, so they stay"
        found = Result((stay,), (naive,), (naive,), notes=(note,))
    else:
        found = Result(found.couplings, (naive, reached), (reached,))
    return found.noting(transport.notes)


METHOD = Method(
    name="ot-alignment",
    title="OT alignment",
    summary="Transport the units of each layer once, input to output; plans may be soft.",
    paper=SINGH,
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
