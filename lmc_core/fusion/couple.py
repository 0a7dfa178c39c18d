"""Ways to couple one model with a template, as barycentre methods take them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import Block
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.plans import Solver
from lmc_core.fusion.alternate import Couple
from lmc_core.fusion.costs import Distance, distance, entering, response_distance, responses, tie_broken, zero
from lmc_core.fusion.merge import Couplings, FusionProblem, Model, State
from lmc_core.symmetry.permute import identity


def by_weights(solver: Solver) -> Couple:
    """By the weights that enter a layer."""

    def couple(
        problem: FusionProblem, block: Block, model: Model, target: State, known: Couplings, step: int
    ) -> tuple[dict[str, Coupling], float]:
        cost = weight_cost(problem, block, model, target, known)
        plan = cost.plan(block, solver)
        return plan, cost.total(block, plan)

    return couple


def by_responses(solver: Solver, x: NDArray[np.generic]) -> Couple:
    """By what the units answer to examples; those it cannot tell apart, by their weights."""
    measured: dict[tuple[int, str], Mapping[str, list[Tensor]]] = {}

    def couple(
        problem: FusionProblem, block: Block, model: Model, target: State, known: Couplings, step: int
    ) -> tuple[dict[str, Coupling], float]:
        key = (id(model), block.name)
        if key not in measured:
            measured[key] = responses(model.network, model.symmetry, x, block)
        mine = responses(problem.template.network(target), problem.symmetry, x, block)
        cost = response_distance(block, mine, measured[key], zero(block, problem.symmetry, model.symmetry))
        plan = tie_broken(cost, weight_cost(problem, block, model, target, known)).plan(block, solver)
        return plan, cost.total(block, plan)

    return couple


def weight_cost(
    problem: FusionProblem, block: Block, model: Model, target: State, known: Couplings, *, spread: bool = True
) -> Distance:
    """Distance of the weights that enter a block, from groups coupled already."""
    outside, itself = entering(problem, block, set(known))
    waiting = unsolved(problem, model, known)
    everything, unknown = {**waiting, **known}, waiting.keys() - set(block.names)
    return distance(problem, block, model, target, everything, outside or itself, unknown=unknown, spread=spread)


def unsolved(problem: FusionProblem, model: Model, known: Couplings) -> dict[str, Coupling]:
    """For groups that are not coupled yet: every unit with its namesake where sizes agree, else with all alike."""
    still = identity(model.symmetry)
    made = {}
    for name, group in problem.symmetry.groups.items():
        if name in known:
            continue
        n = model.symmetry.groups[name].size
        if group.size == n:
            made[name] = Coupling(name, perm=still[name])
        elif group.within is None:
            made[name] = Coupling(name, plan=np.full((group.size, n), 1 / (group.size * n)))
        else:
            outer = (problem.symmetry.groups[group.within].size, model.symmetry.groups[group.within].size)
            made[name] = Coupling(name, plan=np.full((*outer, group.size, n), 1 / (group.size * n)))
    return made
