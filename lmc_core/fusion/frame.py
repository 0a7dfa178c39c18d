"""Models turned into one frame by elements of all classes: each is matched to the mean of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Array, BlockCost, blocks
from lmc_core.alignment.coupling import Elements, of_elements
from lmc_core.alignment.heads import SETTLED, by_circuits
from lmc_core.alignment.moments import cross_costs, cross_moments
from lmc_core.alignment.objective import Position, all_classes_objective, entering_objective
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result, best_of
from lmc_core.alignment.sweeps import forward_best
from lmc_core.fusion.barycenter import averaged
from lmc_core.symmetry.classes import as_matrix
from lmc_core.symmetry.move import composed, inverted, move
from lmc_core.symmetry.permute import identity

PASSES = 100
"""Most passes over the groups of one model while the others stay."""


Agreements = Mapping[tuple[int, int], Mapping[str, Array]]
"""(i, j) → group → E[x_i x_jᵀ] (n, n) of the responses of two models to the same examples."""


def agreements(problem: Problem, examples: int) -> Agreements:
    """Of every two models, for the groups that can be rotated as a whole, such as residual streams."""
    names = [block.name for block in blocks(problem.symmetry, classes=True) if block.turns]
    found: dict[tuple[int, int], dict[str, Array]] = {}
    for j, second in enumerate(problem.models if names else ()):
        for i, first in enumerate(problem.models[:j]):
            x = problem.examples(examples)
            moments = cross_moments(first.network, second.network, problem.symmetry, x, report=problem.report)
            costs = cross_costs(problem.symmetry, moments, "second-moment")
            found[i, j] = {name: costs[name].outer for name in names if name in costs}
            found[j, i] = {name: cost.T for name, cost in found[i, j].items()}
    return found


def matched(
    problem: Problem,
    elements: Sequence[Elements],
    i: int,
    others: Sequence[int],
    agree: Agreements,
    heads: frozenset[str],
) -> Elements:
    """Elements of model i that bring it to the mean of others, θ̄ = Σ_j λ_j T(θ_j, G_j) / Σ_j λ_j.

    Groups of `agree` turn to max <G_i, Σ_j λ_j G_j E[x_j x_iᵀ]> and stay there; what else is above an order begins,
    where model i has no elements yet, at the tensors that carry nothing else. Then block ascent on Σ <θ̄, T(θ_i, G_i)>,
    as in full-symmetry matching.
    """
    states = [move(problem.models[j].state, problem.symmetry, elements[j]) for j in others]
    mass = sum(problem.weights[j] for j in others)
    shares = [problem.weights[j] / mass if mass else 1 / len(others) for j in others]
    network, first = problem.models[i].network, i >= len(elements)
    target = network.with_state(mean(states, shares))
    objective = all_classes_objective(target, network, problem.symmetry)
    turning = [block for block in objective.blocks if block.turns]
    starts: list[Elements] = [{**identity(problem.symmetry)}] if first else [elements[i]]
    if first and not turning:
        layerwise = forward_best(entering_objective(target, network, problem.symmetry), problem.rng(3, i))
        starts.append({**layerwise.perms})
    held = frozenset(name for each in agree.values() for name in each)
    found = []
    for start in starts:
        position = Position(objective, start)
        for block in turning:
            if block.name in held:
                parts = (
                    share * as_matrix(elements[j][block.name]) @ agree[j, i][block.name]
                    for j, share in zip(others, shares, strict=True)
                )
                position.place(block, BlockCost(sum(parts, np.zeros(())), {}).nearest(block))
            elif first:
                position.place(block, objective.alone(block).nearest(block))
        known = Result.of_elements(position.elements, [position.total])
        climb = partial(by_circuits, objective, position, known, heads, held, passes=PASSES, settled=SETTLED)
        found.append(climb(report=problem.report))
    return {name: coupling.element for name, coupling in best_of(found).couplings[0].items()}


def mean(states: Sequence[Mapping[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """Σ λ_i θ_i of every tensor of floating-point numbers; others as in the first."""
    first, *_ = states
    return {
        name: torch.stack([w * s[name] for w, s in zip(weights, states, strict=True)]).sum(0)
        if x.is_floating_point()
        else x
        for name, x in first.items()
    }


def lost(problem: Problem, elements: Sequence[Elements]) -> float:
    """Share of the weights that their mean loses, 1 − ‖θ̄‖² / Σ_i λ_i ‖θ_i‖² in a frame: where elements are their own
    inverse transposes the lower part stays, and the upper one is 2 Σ_{i<j} λ_i λ_j <T(θ_i, G_i), T(θ_j, G_j)> and what
    no element changes."""
    names = [name for name in problem.learned if name not in problem.symmetry.held]
    states = [
        move({name: model.state[name].double() for name in names}, problem.symmetry, each)
        for model, each in zip(problem.models, elements, strict=True)
    ]
    apart = sum(w * squared(state) for w, state in zip(problem.weights, states, strict=True))
    return 1 - squared(mean(states, problem.weights)) / apart if apart else 0.0


def squared(state: Mapping[str, Tensor]) -> float:
    """‖θ‖²."""
    return sum(float(x.square().sum()) for x in state.values())


def in_frame_of_first(problem: Problem, elements: Sequence[Elements]) -> Result:
    """The mean of all models in their frame, turned so that the first of them stays where it is."""
    first, *others = elements
    back = inverted(first, problem.symmetry)
    still = [composed(each, back, problem.symmetry) for each in others]
    return averaged(problem, Result((of_elements(identity(problem.symmetry)), *map(of_elements, still))))
