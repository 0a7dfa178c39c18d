"""Gromov–Wasserstein barycentre: recurrent units coupled by what enters them and by how they act on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.fusion._fusion import AKASH, SOLVER, Fusion
from lmc_core.fusion.wasserstein_barycenter import START
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.fusion.merge import Fused, FusionProblem


def solve(
    problem: FusionProblem,
    *,
    solver: str,
    epsilon: float,
    start: str,
    base: int,
    iterations: int,
    gradient: str,
    alpha: float,
    inner: int,
    damping: float,
    warm: str,
    anneal: float,
    least: float,
) -> Fused:
    """As the Wasserstein barycentre, with C_jk = Σ_pq (W_jp − W^i_kq)² π'_pq + α Σ_j'k' (H_jj' − H^i_kk')² π_j'k' for
    recurrent weights H, one coupling for all gates and both axes; H ← k² Σ λ_i π_i H_i π_iᵀ (Akash 2022).

    α = 0 or gradient "none" couples by the input weights alone, as FedMA does.
    """
    from lmc_core.alignment.plans import Solver, stopped_short
    from lmc_core.fusion.alternate import alternate, starting
    from lmc_core.fusion.couple import by_weights
    from lmc_core.fusion.gromov import by_recurrence

    errors: list[float] = []
    moving: set[str] = set()

    def transport(step: int) -> Solver:
        return Solver(solver, max(epsilon * anneal**step, min(least, epsilon)), tell=errors.append)

    if gradient == "none" or alpha == 0:
        couple = by_weights(transport(0))
    else:
        couple = by_recurrence(
            transport, gradient=gradient, alpha=alpha, inner=inner, damping=damping, warm=warm, moving=moving
        )
    first, notes = starting(problem, couple, start=start, base=base, iterations=iterations)
    found = alternate(problem, couple, first, iterations=iterations)
    late = (f"couplings still moved after {inner} inner steps: {', '.join(sorted(moving))}",) if moving else ()
    return found.but((*notes, *late, *stopped_short(errors)))


FUSION = Fusion(
    name="gromov-wasserstein-barycenter",
    title="Gromov–Wasserstein barycentre",
    summary="For recurrent networks: hidden-to-hidden weights are compared too, on both axes.",
    paper=AKASH,
    solve=solve,
    parameters=(
        *SOLVER,
        *START,
        Option(
            "gradient",
            str,
            "exact",
            "Exact gradient, its row term as in the authors' code, or no hidden-to-hidden weights.",
            choices=("exact", "row", "none"),
        ),
        Option("alpha", float, 1000.0, "Weight of hidden-to-hidden against input weights.", low=0),
        Option("inner", int, 50, "Most steps of one coupling.", low=1, high=1000),
        Option("damping", float, 1.0, "How far a step goes towards the new plan.", low=0.01, high=1),
        Option(
            "warm",
            str,
            "uniform",
            "First plan: even, or that of the input weights.",
            choices=("uniform", "inputs"),
        ),
        Option("anneal", float, 1.0, "Factor on epsilon after every iteration.", low=0.01, high=1),
        Option("least", float, 0.001, "Where annealing of epsilon stops.", low=1e-5),
    ),
)
