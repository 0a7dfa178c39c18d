"""First numbers of a template: those of one model, or where widths differ its units chosen and distilled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.coupling import Coupling, Couplings, hard
from lmc_core.alignment.distance import distance, entering
from lmc_core.alignment.passes import Couple
from lmc_core.alignment.problem import Model, Problem, State
from lmc_core.alignment.template import Template, sizes
from lmc_core.errors import SettingError
from lmc_core.fusion.barycenter import alternate, barycenter
from lmc_core.symmetry.permute import identity


def starting(
    problem: Problem, couple: Couple, *, start: str, base: int, iterations: int
) -> tuple[State, tuple[str, ...]]:
    """First weights of the template: those of the base model, or where widths differ its distillation; and notes.

    start   "identity": a copy of model number `base`; "distill": units chosen among the base's, then the barycentre
            of that one model; "auto": identity where the widths are those of the base
    """
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


def _seeds(problem: Problem, model: Model) -> Couplings:
    """For every group some of the model's units, far from each other, as first units of the template (k-means++)."""
    within = Template(model.symmetry, model.network)
    own = replace(problem, template=within)
    still = hard(identity(model.symmetry))
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
    return {**hard(identity(problem.symmetry)), **found}


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
