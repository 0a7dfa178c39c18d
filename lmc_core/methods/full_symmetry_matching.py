"""Full-symmetry matching: not only the order of units but rotations, signs and scales, as far as each group allows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal

from lmc_core.alignment.method import Method, Paper
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.blocks import BlockCost
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(
    problem: Problem, *, compare: Literal["auto", "weights", "responses"], examples: int, restarts: int, passes: int
) -> Result:
    """Block ascent on Σ_l <A_l, T(B, G)_l> over the elements G of the class of every group.

    Both networks are in canonical form: gains folded, products inside attention and scales of units balanced, so that
    what is left to find is its own dual. Groups that can be rotated, such as a residual stream, start at the rotation
    that suits the tensors which carry nothing else (embeddings, positions, the classifier), or at the one that suits
    the responses to the same examples (Schönemann 1966), where they then stay. Then block by block: heads by the
    circuits they compute (Theus 2025), the units inside them and streams by Procrustes, hidden units by assignment.
    The first start leaves all other units where they are, the second is the layer-wise solution (Ferbach 2024, §6), the
    others are random; the best is kept. Where all other groups meet none but those that are rotated, which are placed
    first, every start ends at the same place, and one is made.
    """
    from lmc_core.alignment.heads import SETTLED, attention_groups, by_circuits
    from lmc_core.alignment.moments import cross_costs, cross_moments
    from lmc_core.alignment.objective import Position, all_classes_objective, entering_objective
    from lmc_core.alignment.result import Result, best_of
    from lmc_core.alignment.sweeps import start
    from lmc_core.symmetry.permute import identity

    a, b, symmetry, report = problem.reference, problem.moved, problem.symmetry, problem.report
    objective, heads = all_classes_objective(a, b, symmetry), attention_groups(a, symmetry)
    naive = Position(objective, identity(symmetry))
    turning = [block for block in objective.blocks if block.turns]
    costs: Mapping[str, BlockCost] = {}
    if turning and (compare == "responses" or (compare == "auto" and problem.data is not None)):
        moments = cross_moments(a, b, symmetry, problem.examples(examples), report=report)
        costs = cross_costs(symmetry, moments, "second-moment")
    held = frozenset(block.name for block in turning if block.name in costs)
    rotated = {block.name for block in turning}
    decided = rotated and all(
        objective.wiring.neighbours[block.name] <= rotated for block in objective.blocks if not block.turns
    )
    layerwise = partial(entering_objective, a, b, symmetry, classes=True)
    found: list[Result] = []
    for restart in range(1 if decided else restarts):
        begin = Position(objective, start(restart, objective, layerwise, problem, problem.rng(1, restart)))
        for block in turning:
            begin.place(block, costs.get(block.name, objective.alone(block)).nearest(block))
        known, stage = Result.of_elements(naive.elements, [naive.total]), f"matching all classes, start {restart + 1}"
        climb = by_circuits(
            objective, begin, known, heads, held, passes=passes, settled=SETTLED, stage=stage, report=report
        )
        found.append(climb)
    return best_of(found)


METHOD = Method(
    name="full-symmetry-matching",
    title="Full-symmetry matching",
    summary="Rotate, flip and re-order units, as the class of each group allows.",
    paper=Paper(
        "Theus 2025",
        "Generalized Linear Mode Connectivity for Transformers",
        "https://arxiv.org/abs/2506.22712",
    ),
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
        Option(
            "restarts",
            int,
            3,
            "Starts tried; the best is kept and the spread shown. Where rotations decide all else, one is made.",
            low=1,
            high=100,
        ),
        Option("passes", int, 100, "Most passes over all groups.", low=1, high=1000),
    ),
    canonical=True,
)
