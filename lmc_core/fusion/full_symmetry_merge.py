"""Full-symmetry merge: several models turned into one frame by all that their symmetry allows, then averaged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from lmc_core.alignment.method import Paper
from lmc_core.fusion._fusion import Fusion
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.coupling import Elements
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, compare: Literal["auto", "weights", "responses"], examples: int, limit: int) -> Result:
    """max over G of Σ_{i<j} λ_i λ_j Σ_l <T(θ_i, G_i)_l, T(θ_j, G_j)_l>, one G_i at a time: a generalised Procrustes
    problem (Gower 1975) over the class of every group.

    All models are in canonical form. Each is first matched to the mean of those before it, then in turn to the mean of
    all others until the share of the weights that their mean loses no longer falls: heads by the circuits they compute,
    the units inside them and streams by Procrustes, hidden units by assignment. Groups that can be rotated as a whole
    turn to where the responses to the same examples agree (`compare`), or the weights.
    """
    from lmc_core.alignment.heads import attention_groups
    from lmc_core.fusion.frame import SETTLED, agreements, in_frame_of_first, lost, matched
    from lmc_core.symmetry.permute import identity

    heads, count = attention_groups(problem.reference, problem.symmetry), len(problem.models)
    responses = compare == "responses" or (compare == "auto" and problem.data is not None)
    agree = agreements(problem, examples) if responses else {}
    elements: list[Elements] = [{**identity(problem.symmetry)}]
    for i in range(1, count):
        problem.report("bringing the networks together", i, count)
        elements.append(matched(problem, elements, i, range(i), agree, heads))
    history, settled = [lost(problem, elements)], False
    for turn in range(limit):
        tried = list(elements)
        for i in map(int, problem.rng(4, turn).permutation(count)):
            problem.report(f"matching each to the others, round {turn + 1}", i, count)
            tried[i] = matched(problem, tried, i, [j for j in range(count) if j != i], agree, heads)
        before, value = history[-1], lost(problem, tried)
        if value < before:
            elements, history = tried, [*history, value]
        if settled := not value < (1 - SETTLED) * before:
            break
    late = [] if settled else [f"did not converge in {limit} rounds: the last one still turned networks"]
    return replace(in_frame_of_first(problem, elements), history=tuple(history)).noting(late)


FUSION = Fusion(
    name="full-symmetry-merge",
    title="Full-symmetry merge",
    summary="Rotates, flips and re-orders all models into one frame, then takes the mean.",
    paper=Paper("Gower 1975", "Generalized Procrustes analysis", "https://doi.org/10.1007/BF02291478"),
    solve=solve,
    parameters=(
        Option(
            "compare",
            str,
            "auto",
            "What decides about groups that can be rotated; auto: responses where there is data.",
            choices=("auto", "weights", "responses"),
        ),
        Option("examples", int, 1_000, "Training examples whose responses are compared; 0 = all.", low=0),
        Option("limit", int, 100, "Most rounds over all models.", low=1, high=10_000),
    ),
    canonical=True,
)
