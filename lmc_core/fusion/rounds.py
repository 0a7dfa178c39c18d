"""Permutations of several models at once: each matched to the mean of the others, until none moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from lmc_core.alignment.coupling import Perms, hard
from lmc_core.alignment.objective import entering_objective, weight_objective
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result, best_of
from lmc_core.alignment.sweeps import forward_best, sweep
from lmc_core.fusion.barycenter import averaged
from lmc_core.symmetry.permute import compose, identity, invert, permute


def in_first(problem: Problem, found: Result) -> Result:
    """The mean of all models in their common frame, turned so that the first of them stays where it is."""
    first, *_ = orders = found.orders
    back = invert(first, problem.symmetry)
    turned = tuple(hard(compose(perms, back, problem.symmetry)) for perms in orders)
    return averaged(problem, replace(found, couplings=turned))


def rounds(problem: Problem, start: Sequence[Perms], rng: np.random.Generator, *, limit: int) -> Result:
    """One model after the other, in random order, is matched to the mean of the others (Ainsworth 2022, alg. 3).

    The history is Σ_i λ_i ‖θ̄ − θ_i‖² over parameters, after every round.
    """
    perms = list(start)
    history = [spread(problem, perms)]
    for number in range(limit):
        before = [dict(p) for p in perms]
        for done, i in enumerate(rng.permutation(len(perms))):
            problem.report(f"merging, round {number + 1}", done, len(perms))
            perms[i] = _matched_to_others(problem, perms, int(i), rng)
        history.append(spread(problem, perms))
        if all(_same(a, b) for a, b in zip(before, perms, strict=True)) or history[-1] >= history[-2]:
            best = perms if history[-1] < history[-2] else before
            kept = history[: len(history) - (history[-1] > history[-2])]
            return Result(tuple(map(hard, best)), tuple(kept))
    note = f"did not converge in {limit} rounds: the last one still moved units"
    return Result(tuple(map(hard, perms)), tuple(history), converged=False, notes=(note,))


def star(problem: Problem, rng: np.random.Generator) -> list[Perms]:
    """Every model matched to the first one, from where it is and from the layer-wise solution."""
    still = identity(problem.symmetry)
    first = problem.models[0].network
    found = []
    for model in problem.models:
        if model.network is first:
            found.append(still)
            continue
        objective = weight_objective(first, model.network, problem.symmetry)
        layerwise = forward_best(entering_objective(first, model.network, problem.symmetry), rng).perms
        found.append(best_of([sweep(objective, rng, start=start) for start in (None, layerwise)]).perms)
    return found


def spread(problem: Problem, perms: Sequence[Perms]) -> float:
    """Σ_i λ_i ‖θ̄ − θ_i‖² over the parameters, in a frame."""
    names = problem.learned
    moved = [
        permute({n: m.state[n].double() for n in names}, problem.symmetry, p)
        for m, p in zip(problem.models, perms, strict=True)
    ]
    total = 0.0
    for name in names:
        mean = sum(w * s[name] for w, s in zip(problem.weights, moved, strict=True))
        total += sum(w * float((s[name] - mean).square().sum()) for w, s in zip(problem.weights, moved, strict=True))
    return total


def _matched_to_others(problem: Problem, perms: Sequence[Perms], i: int, rng: np.random.Generator) -> Perms:
    others = [j for j in range(len(perms)) if j != i and problem.weights[j] > 0]
    if not others:
        return perms[i]
    mass = sum(problem.weights[j] for j in others)
    moved = [permute(problem.models[j].state, problem.symmetry, perms[j]) for j in others]
    mean = {}
    for name, first in moved[0].items():
        mean[name] = first
        if first.is_floating_point():
            parts = [problem.weights[j] / mass * state[name] for j, state in zip(others, moved, strict=True)]
            mean[name] = torch.stack(parts).sum(0)
    network = problem.models[i].network
    objective = weight_objective(network.with_state(mean), network, problem.symmetry)
    return sweep(objective, rng, start=perms[i]).perms


def _same(a: Perms, b: Perms) -> bool:
    return all(np.array_equal(perm, b[name]) for name, perm in a.items())
