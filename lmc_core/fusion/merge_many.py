"""MergeMany: every model matched to the mean of the others, again and again, then averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import AINSWORTH
from lmc_core.fusion._fusion import Fusion
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, start: str, limit: int) -> Result:
    """min over P of Σ_i λ_i ‖θ̄ − P_i θ_i‖², one P_i at a time (Ainsworth 2022, alg. 3).

    From where the models are, from all matched to the first one, or the better of both.
    """
    from lmc_core.fusion.rounds import in_first, rounds, star
    from lmc_core.symmetry.permute import identity

    still = [identity(problem.symmetry) for _ in problem.models]
    starts = {"still": [still], "first": [star(problem, problem.rng(3))]} if start != "best" else {}
    tried = starts.get(start) or [still, star(problem, problem.rng(3))]
    found = [rounds(problem, each, problem.rng(4, number), limit=limit) for number, each in enumerate(tried)]
    return in_first(problem, min(found, key=lambda tried: tried.history[-1]))


FUSION = Fusion(
    name="merge-many",
    title="MergeMany",
    summary="Each model is matched to the mean of the others until none moves; then the mean.",
    paper=AINSWORTH,
    solve=solve,
    parameters=(
        Option(
            "start",
            str,
            "best",
            "Where matching begins: as the models are, all matched to the first, or both tried.",
            choices=("best", "still", "first"),
        ),
        Option("limit", int, 100, "Most rounds over all models.", low=1, high=10_000),
    ),
    equal_widths=True,
)
