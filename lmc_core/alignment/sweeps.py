"""Block after block on an objective: random sweeps, passes from input to output, each block once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lmc_core.alignment.blocks import BlockCost, blocks
from lmc_core.alignment.coupling import Elements, Perms
from lmc_core.alignment.objective import Objective, Position
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result, best_of
from lmc_core.report import Report, silent
from lmc_core.symmetry.classes import Element
from lmc_core.symmetry.permute import identity, random_permutations

HOPELESS = 10.0
"""A start is left when it is behind by this many times the gain of the better of its last two sweeps."""


def sweep(
    objective: Objective,
    rng: np.random.Generator,
    *,
    start: Mapping[str, Element] | None = None,
    limit: int = 100,
    report: Report = silent,
    skip: bool = True,
    beat: float | None = None,
) -> Result:
    """Coordinate ascent (Ainsworth 2022, alg. 1): visit all groups in random order, solve each, until none moves.

    limit    most sweeps
    skip     leave out groups whose neighbours have not moved since they were last solved; changes nothing but time
    beat     objective of another start: this one is left once it is further behind than sweeps like the last two gain
    """
    naive = Position(objective, identity(objective.symmetry))
    position = naive if start is None else Position(objective, start)
    history = [naive.total] if start is None else [naive.total, position.total]
    waiting = {block.name for block in objective.blocks}
    ends = [position.total]
    for number in range(limit):
        moved = False
        for i in rng.permutation(len(objective.blocks)):
            block = objective.blocks[i]
            if skip and block.name not in waiting:
                continue
            count = len(objective.blocks)
            report(f"matching weights, sweep {number + 1}", count - len(waiting), count)
            waiting.discard(block.name)
            if position.step(block):
                moved = True
                waiting |= objective.wiring.neighbours[block.name]
                history.append(position.total)
        ends.append(position.total)
        hopeless = beat is not None and number >= 2 and beat - ends[-1] > HOPELESS * max(np.diff(ends[-3:]))
        if not moved or hopeless:
            return Result.of_elements(position.elements, [*history[:-1], position.exact])
    note = f"did not converge in {limit} sweeps: the last one still improved the objective"
    return Result.of_elements(position.elements, [*history[:-1], position.exact], converged=False, notes=(note,))


def forward(
    objective: Objective, *, start: Mapping[str, Element] | None = None, limit: int = 10, report: Report = silent
) -> Result:
    """Groups solved one after the other from input to output, each on its own terms, until a pass moves none.

    In a chain of layers one pass is exact. Where units are written in several places or recur, later steps change
    what earlier ones saw: the pass is repeated, and the best order seen at the end of a pass is kept.
    """
    position = Position(objective, identity(objective.symmetry))
    history = [position.total]
    passes = [(position.total, position.elements)]
    if start is not None:
        position = Position(objective, start)
        history.append(position.total)
    waiting = {block.name for block in objective.blocks}
    for number in range(limit):
        before = len(history)
        for done, block in enumerate(objective.blocks):
            if block.name not in waiting:
                continue
            report(f"matching weights, pass {number + 1}", done, len(objective.blocks))
            waiting.discard(block.name)
            if position.step(block):
                waiting |= objective.wiring.neighbours[block.name]
                history.append(position.total)
        passes.append((position.total, position.elements))
        if settled := len(history) == before:
            break
    value, elements = max(passes, key=lambda found: found[0])
    notes = [] if settled else [f"did not settle in {limit} passes"]
    if value > position.total:
        notes.append("the last pass was worse than an earlier one on the whole objective; the earlier one is kept")
        history.append(value)
    return Result.of_elements(elements, history, converged=settled, notes=tuple(notes))


def forward_best(
    objective: Objective,
    rng: np.random.Generator,
    *,
    starts: Sequence[Mapping[str, Element]] = (),
    limit: int = 10,
    report: Report = silent,
) -> Result:
    """`forward`, and where groups are solved together in one tensor, as hidden states are, the best of several starts.

    starts    tried beside the identity and four random ones; most feed-forward networks need none of them
    """
    found = [forward(objective, limit=limit, report=report)]
    if objective.wiring.entangled:
        drawn = [random_start(objective, rng) for _ in range(4)]
        found += [forward(objective, start=start, limit=limit, report=report) for start in (*starts, *drawn)]
    return best_of(found)


def start(
    number: int, objective: Objective, layerwise: Callable[[], Objective], problem: Problem, rng: np.random.Generator
) -> Elements:
    """Where the start of that number begins: 0 in place, 1 at the layer-wise solution (Ferbach 2024, §6), the others
    at random.

    layerwise   the objective of the layer-wise solution, made where it is needed and not kept
    """
    if number == 1:
        return forward_best(layerwise(), problem.rng(1), report=problem.report).elements
    return {**(random_start(objective, rng) if number else identity(objective.symmetry))}


def random_start(objective: Objective, rng: np.random.Generator) -> Perms:
    """Random permutations of everything the objective judges; other groups stay."""
    names = tuple(name for block in objective.blocks for name in block.names)
    return {**identity(objective.symmetry), **random_permutations(objective.symmetry, rng, names)}


def each_once(objective: Objective, costs: Mapping[str, BlockCost], *, report: Report = silent) -> Result:
    """One assignment per group, input to output, where costs do not depend on each other: F(P) = Σ_g <P_g, C_g>.

    objective    its gradient breaks ties between units that the costs cannot tell apart, as those that never respond,
                 and decides for groups without a cost
    costs        block name → C
    """
    position = Position(objective, identity(objective.symmetry))
    solved = blocks(objective.symmetry, classes=objective.classes)
    judged = {block.name for block in objective.blocks}
    history = [sum(costs[block.name].total(block, position.elements) for block in solved if block.name in costs)]
    for done, block in enumerate(solved):
        report("matching activations", done, len(solved))
        cost = costs.get(block.name)
        tie = position.cost(block) if block.name in judged else None
        both = tie if cost is None else cost if tie is None else cost.tied(tie)
        if both is None:
            continue
        best = both.nearest(block)
        if not both.total(block, best) - both.total(block, position.elements) > 1e-10 * both.scale:
            continue
        if cost is not None:
            history.append(history[-1] + cost.total(block, best) - cost.total(block, position.elements))
        position.place(block, best)
    return Result.of_elements(position.elements, history)
