"""Gromov–Wasserstein alignment: units that stand to each other as those of the other network do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import AKASH, Method
from lmc_core.methods.frank_wolfe import LIMITS
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, alpha: float, **limits: int) -> Result:
    """max over P of (1 − α) Σ <A, T(B, P)> over entering weights + α Σ_g <D^A_g, P_g D^B_g P_gᵀ> (Akash 2022, fused
    Gromov–Wasserstein): D are recurrent weights on both axes, or distances between the units of one network.

    Solved for all groups at once by Frank–Wolfe over plans, rounded to permutations and completed by sweeps. With
    α = 1 nothing of one network is compared with the other but the shape of its layers.
    """
    from lmc_core.alignment.relaxed import matched
    from lmc_core.alignment.structure import structural

    objective = structural(problem.reference, problem.moved, problem.symmetry, alpha=alpha)
    return matched(objective, problem, **limits)


METHOD = Method(
    name="gromov-wasserstein",
    title="Gromov–Wasserstein alignment",
    summary="Match units by relations within each network: recurrent weights, distances.",
    paper=AKASH,
    solve=solve,
    parameters=(
        Option("alpha", float, 0.5, "Share of the relations within; the rest is weights entering.", low=0, high=1),
        *LIMITS,
    ),
    look={"restarts": 1},
)
