"""Vanilla average: the mean of the weights as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import Paper
from lmc_core.fusion._fusion import Fusion

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem) -> Result:
    """θ = Σ λ_i θ_i: every unit stays where it is (McMahan 2017)."""
    from lmc_core.alignment.coupling import hard
    from lmc_core.alignment.result import Result
    from lmc_core.fusion.barycenter import averaged
    from lmc_core.symmetry.permute import identity

    return averaged(problem, Result((hard(identity(problem.symmetry)),) * len(problem.models)))


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
