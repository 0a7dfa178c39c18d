"""The loop of barycentre methods: layer by layer, couplings and barycentre in turn until neither changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.blocks import Block, blocks
from lmc_core.alignment.coupling import Coupling
from lmc_core.fusion.costs import distance, entering
from lmc_core.fusion.merge import Couplings, Fused, FusionProblem, Model, State, barycenter, touched
from lmc_core.fusion.template import Template, sizes
from lmc_core.symmetry.permute import identity

STILL = 1e-8  # relative squared change of the weights, and
STAYS = 1e-6  # mean change of the row-stochastic plans, below which the loop has converged

Couple = Callable[[FusionProblem, Block, Model, State, Couplings, int], tuple[dict[str, Coupling], float]]
"""(problem, block, model, template weights, couplings so far, number of the iteration) → couplings and their cost."""


def alternate(problem: FusionProblem, couple: Couple, start: State, *, iterations: int, passes: int = 1) -> Fused:
    """Wasserstein barycentre layer by layer (Akash 2022): for every group, from input to output, repeat couplings of
    all models with the template and the barycentre of the weights that make the group, until neither changes.

    couple       one model's coupling with the template
    start        first weights of the template
    iterations   most repetitions per group
    passes       over all groups; from the second on every layer that writes a residual stream counts
    """
    target = dict(start)
    found: list[dict[str, Coupling]] = [{} for _ in problem.models]
    history: list[float] = []
    late: list[str] = []
    order = blocks(problem.symmetry)
    deeper = identity(problem.symmetry)
    for name in problem.symmetry.groups.keys() - {n for block in order for n in block.names}:
        for known in found:  # nested more than once: these units stay where their outer units go
            known[name] = Coupling(name, perm=deeper[name])
    for number in range(passes):
        for done, block in enumerate(order):
            problem.report(f"fusing layers, pass {number + 1}", done, len(order))
            names = _written(problem, block, set(found[0]) | set(block.names))
            for step in range(iterations):
                value, plans_moved = 0.0, 0.0
                for model, weight, known in zip(problem.models, problem.weights, found, strict=True):
                    plan, cost = couple(problem, block, model, target, known, step)
                    plans_moved += sum(_change(known.get(g), new) for g, new in plan.items())
                    known.update(plan)
                    value += weight * cost
                new = barycenter(problem, found, names)
                weights_moved = _moved(new, target)
                target.update(new)
                history.append(value)
                if weights_moved <= STILL and plans_moved <= STAYS:
                    break
            else:
                late.append(block.name)
    notes = (f"did not converge in {iterations} iterations: {', '.join(dict.fromkeys(late))}",) if late else ()
    state = barycenter(problem, found, problem.models[0].state)
    return Fused(state, tuple(found), tuple(history), not late, notes)


def _written(problem: FusionProblem, block: Block, known: set[str]) -> list[str]:
    """Tensors that make the units of a block, as far as all groups they touch are coupled."""
    axes, role = problem.symmetry.axes, problem.symmetry.roles
    return [
        name
        for name in problem.models[0].state
        if touched(axes.get(name, ())) <= known
        and any(block.name in touched([a]) and role.get((name, n)) != "read" for n, a in enumerate(axes.get(name, ())))
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


def starting(
    problem: FusionProblem, couple: Couple, *, start: str, base: int, iterations: int
) -> tuple[State, tuple[str, ...]]:
    """First weights of the template: those of the base model, or where widths differ its distillation; and notes.

    start   "identity": a copy of model number `base`; "distill": units chosen among the base's, then the barycentre
            of that one model; "auto": identity where the widths are those of the base
    """
    from lmc_core.errors import SettingError

    if not 0 <= base < len(problem.models):
        raise SettingError(f"base={base}: there are models 0…{len(problem.models) - 1}")
    model = problem.models[base]
    equal = sizes(model.symmetry) == problem.template.sizes
    if start == "identity" and not equal:
        raise SettingError("start=identity needs the widths of the base model; choose start=distill")
    if equal and start != "distill":
        return dict(model.state), ()
    alone = replace(problem, models=(model,), weights=(1.0,))
    seeds = _seeds(alone, model)
    first = barycenter(alone, [seeds], model.state)
    found = alternate(alone, couple, first, iterations=iterations)
    return dict(found.state), tuple(f"the first template {note}" for note in found.notes)


def _seeds(problem: FusionProblem, model: Model) -> Couplings:
    """For every group some of the model's units, far from each other, as first units of the template (k-means++)."""
    within = Template(model.symmetry, model.network)
    own = replace(problem, template=within)
    still = {name: Coupling(name, perm=perm) for name, perm in identity(model.symmetry).items()}
    found: dict[str, Coupling] = {}
    rng = problem.rng(2)
    for block in blocks(model.symmetry):
        outside, itself = entering(own, block, set(still))
        cost = distance(own, block, model, model.state, still, [*outside, *itself])
        between = cost.outer + sum((np.einsum("ikjk->ij", c) for c in cost.inner.values()), np.zeros(cost.outer.shape))
        m, n = problem.template.sizes[block.name], len(between)
        chosen = _spread(between, m, rng) if m != n else np.arange(n)
        found[block.name] = _one_hot(block.name, chosen, n)
        for group in block.inner:
            k = problem.template.sizes[group.name]
            inner = np.zeros((m, n, k, group.size))
            inner[:, :, np.arange(k), np.arange(k) * group.size // k] = 1 / k
            found[group.name] = Coupling(group.name, plan=inner)
    deeper = identity(problem.symmetry)
    return {name: found.get(name, Coupling(name, perm=deeper[name])) for name in problem.symmetry.groups}


def _one_hot(name: str, chosen: NDArray[np.int64], n: int) -> Coupling:
    plan = np.zeros((len(chosen), n))
    plan[np.arange(len(chosen)), chosen] = 1 / len(chosen)
    return Coupling(name, plan=plan)


def _spread(squared: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Units drawn one after the other with probability ∝ squared distance to those drawn (Arthur 2007); all of them
    first where more are wanted than there are."""
    n = len(squared)
    chosen = list(range(n)) * (count // n)
    nearest = np.full(n, np.inf)
    while len(chosen) < count:
        finite = np.isfinite(nearest)
        mass = np.where(finite, nearest, 1.0) if finite.any() else np.ones(n)
        mass = np.where(mass > 1e-12 * max(squared.max(), 1e-300), mass, 0.0)
        pick = int(rng.choice(n, p=mass / mass.sum())) if mass.sum() > 0 else int(rng.integers(n))
        chosen.append(pick)
        nearest = np.minimum(nearest, squared[pick])
    return np.array(chosen, dtype=np.int64)
