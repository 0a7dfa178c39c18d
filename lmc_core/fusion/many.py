"""Permutations of several models at once: each matched to the mean of the others, until none moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lmc_core.alignment.blocks import Perms
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.objective import Objective
from lmc_core.alignment.schedule import best_of, forward_best, sweep
from lmc_core.alignment.terms import entering_terms, weight_terms
from lmc_core.fusion.merge import Fused, FusionProblem, barycenter
from lmc_core.symmetry.permute import compose, identity, invert, permute


@dataclass(frozen=True, eq=False)
class Meeting:
    """Orders of all models in a common frame.

    history   Σ_i λ_i ‖θ̄ − θ_i‖² over parameters, after every round
    """

    perms: tuple[Perms, ...]
    history: tuple[float, ...]
    converged: bool = True

    def fused(self, problem: FusionProblem, *, limit: int) -> Fused:
        """The mean in this frame, turned so that the first model stays where it is."""
        back = invert(self.perms[0], problem.symmetry)
        turned = [compose(perms, back, problem.symmetry) for perms in self.perms]
        couplings = tuple({n: Coupling(n, perm=perm) for n, perm in perms.items()} for perms in turned)
        notes = () if self.converged else (f"did not converge in {limit} rounds: the last one still moved units",)
        state = barycenter(problem, couplings, problem.models[0].state)
        return Fused(state, couplings, self.history, self.converged, notes)


def rounds(problem: FusionProblem, start: Sequence[Perms], rng: np.random.Generator, *, limit: int) -> Meeting:
    """One model after the other, in random order, is matched to the mean of the others (Ainsworth 2022)."""
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
            return Meeting(tuple(best), tuple(history[: len(history) - (history[-1] > history[-2])]))
    return Meeting(tuple(perms), tuple(history), False)


def star(problem: FusionProblem, rng: np.random.Generator) -> list[Perms]:
    """Every model matched to the first one, from where it is and from the layer-wise solution."""
    still = identity(problem.symmetry)
    first = problem.models[0].network
    whole, entering = (make(first, problem.symmetry) for make in (weight_terms, entering_terms))
    found = [still]
    for model in problem.models[1:]:
        objective = Objective(model.network, problem.symmetry, whole)
        layerwise = forward_best(Objective(model.network, problem.symmetry, entering), rng).perms
        found.append(best_of([sweep(objective, rng, start=start) for start in (None, layerwise)]).perms)
    return [still if m.network is first else perms for m, perms in zip(problem.models, found, strict=True)]


def spread(problem: FusionProblem, perms: Sequence[Perms]) -> float:
    """Σ_i λ_i ‖θ̄ − θ_i‖² over the parameters, in a frame."""
    names = problem.parameters()
    moved = [
        permute({n: m.state[n].double() for n in names}, problem.symmetry, p)
        for m, p in zip(problem.models, perms, strict=True)
    ]
    total = 0.0
    for name in names:
        mean = sum(w * s[name] for w, s in zip(problem.weights, moved, strict=True))
        total += sum(w * float((s[name] - mean).square().sum()) for w, s in zip(problem.weights, moved, strict=True))
    return total


def _matched_to_others(problem: FusionProblem, perms: Sequence[Perms], i: int, rng: np.random.Generator) -> Perms:
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
    terms = weight_terms(network.with_state(mean), problem.symmetry)
    return sweep(Objective(network, problem.symmetry, terms), rng, start=perms[i]).perms


def _same(a: Perms, b: Perms) -> bool:
    return all(np.array_equal(perm, b[name]) for name, perm in a.items())
