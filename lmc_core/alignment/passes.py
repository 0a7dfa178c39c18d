"""Layer after layer, from input to output: every model coupled with the template by a transport problem per block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from torch import Tensor

from lmc_core.alignment.blocks import Block, blocks
from lmc_core.alignment.coupling import Coupling, Couplings, hard
from lmc_core.alignment.distance import Distance, unsolved
from lmc_core.alignment.problem import Model, Problem, State
from lmc_core.alignment.result import Result
from lmc_core.alignment.solve import Solver
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.permute import identity

STILL = 1e-8  # relative squared change of the weights, and
STAYS = 1e-6  # mean change of the row-stochastic plans, below which the couplings of a block have converged

Couple = Callable[[Problem, Block, Model, State, Couplings, int], tuple[Couplings, float]]
"""(problem, block, model, numbers of the template, couplings so far, number of the iteration) → couplings of the block
and what they cost."""

Update = Callable[[Sequence[Couplings], Iterable[str]], Mapping[str, Tensor]]
"""(couplings of every model, names of tensors) → their numbers in the template."""


def transported(distance: Distance, solver: Solver) -> Couple:
    """The cheapest coupling of a block: π = OT(C), with plans inside plans where groups are nested."""

    def couple(
        problem: Problem, block: Block, model: Model, target: State, known: Couplings, step: int
    ) -> tuple[Couplings, float]:
        cost = distance(problem, block, model, target, known)
        if cost is None:
            return {name: c for name, c in unsolved(problem, model, {}).items() if name in block.names}, 0.0
        plan = cost.plan(block, solver)
        return plan, cost.value(block, plan)

    return couple


def staying(couple: Couple) -> Couple:
    """The same, but a model whose own numbers the template has stays as it is, where each of its units costs nothing.

    For exact plans: an entropic one is soft even there.
    """

    def stays(
        problem: Problem, block: Block, model: Model, target: State, known: Couplings, step: int
    ) -> tuple[Couplings, float]:
        if all(target.get(name) is x for name, x in model.state.items()):
            still = hard(identity(problem.symmetry))
            return {name: still[name] for name in block.names}, 0.0
        return couple(problem, block, model, target, known, step)

    return stays


def layer_by_layer(
    problem: Problem,
    couple: Couple,
    start: State,
    *,
    update: Update | None = None,
    iterations: int = 1,
    passes: int = 1,
    stage: str = "fusing layers",
) -> Result:
    """One transport problem per block and model, each seeing the blocks before it as they were solved (Singh 2020, alg.
    1); with an update of the template after each, repeated until neither changes (Akash 2022).

    couple       one model's coupling with the template
    start        numbers of the template
    update       makes those that write a block anew from the couplings; None: the template stays
    iterations   most repetitions per block, where the template changes
    passes       over all blocks; from the second on every layer that writes a residual stream counts

    The history is Σ_i λ_i of the costs, block after block and repetition after repetition.
    """
    target = dict(start)
    order = blocks(problem.symmetry)
    still = hard(identity(problem.symmetry))
    deeper = problem.symmetry.groups.keys() - {name for block in order for name in block.names}
    found: list[dict[str, Coupling]] = [{name: still[name] for name in deeper} for _ in problem.models]
    history: list[float] = []
    late: list[str] = []
    for number in range(passes):
        for done, block in enumerate(order):
            problem.report(f"{stage}, pass {number + 1}" if update else stage, done, len(order))
            for step in range(iterations if update else 1):
                value = plans_moved = weights_moved = 0.0
                for model, weight, known in zip(problem.models, problem.weights, found, strict=True):
                    plan, cost = couple(problem, block, model, target, known, step)
                    plans_moved += sum(_change(known.get(name), new) for name, new in plan.items())
                    known.update(plan)
                    value += weight * cost
                history.append(value)
                if update:
                    new = update(found, _written(problem, block, found[0].keys()))
                    weights_moved = _moved(new, target)
                    target.update(new)
                if weights_moved <= STILL and plans_moved <= STAYS:
                    break
            else:
                late += [block.name] if update else []
    notes = (f"did not converge in {iterations} iterations: {', '.join(dict.fromkeys(late))}",) if late else ()
    return Result(tuple(found), tuple(history), converged=not late, notes=notes)


def _written(problem: Problem, block: Block, known: Iterable[str]) -> list[str]:
    """Tensors that make the units of a block, as far as all groups they touch are coupled."""
    symmetry, coupled = problem.symmetry, set(known)
    return [
        name
        for name in problem.models[0].state
        if name in symmetry.axes
        and names_in(*symmetry.axes[name]) <= coupled
        and any(symmetry.roles.get((name, number)) != "read" for number in symmetry.places(name, block.name))
    ]


def _moved(new: State, old: State) -> float:
    """Σ ‖ΔW‖² / Σ ‖W‖²."""
    moved, size = 0.0, 0.0
    for name, tensor in new.items():
        if tensor.is_floating_point():
            moved += float((tensor - old[name]).double().square().sum())
            size += float(tensor.double().square().sum())
    return moved / size if size else 0.0


def _change(old: Coupling | None, new: Coupling) -> float:
    """Mass of a plan that moved."""
    if old is None:
        return 1.0
    if old.perm is not None and new.perm is not None:
        return float((old.perm != new.perm).mean())
    return float(np.abs(old.matrices[0] - new.matrices[0]).mean())
