"""Vanilla average: the mean of the weights as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.fusion._fusion import Fusion, Paper

if TYPE_CHECKING:
    from lmc_core.fusion.merge import Fused, FusionProblem


def solve(problem: FusionProblem) -> Fused:
    """θ = Σ λ_i θ_i: every unit stays where it is."""
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.fusion.merge import Fused, barycenter
    from lmc_core.symmetry.permute import identity

    still = {name: Coupling(name, perm=perm) for name, perm in identity(problem.symmetry).items()}
    couplings = tuple(still for _ in problem.models)
    return Fused(barycenter(problem, couplings, problem.models[0].state), couplings)


FUSION = Fusion(
    name="vanilla-average",
    title="Vanilla average",
    summary="The mean of the weights, nothing aligned: what other methods are held against.",
    paper=Paper(
        "McMahan 2017",
        "Communication-Efficient Learning of Deep Networks from Decentralized Data",
        "https://arxiv.org/abs/1602.05629",
    ),
    solve=solve,
    equal_widths=True,
)
