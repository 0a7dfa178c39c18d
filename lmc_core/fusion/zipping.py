"""Greedy merging of the features of several models, within models too, until as many remain as are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import TIE, Block
from lmc_core.alignment.coupling import Coupling, Couplings
from lmc_core.alignment.distance import by_weights, entering, response_distance, unsolved
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.solve import Solver
from lmc_core.alignment.template import Template
from lmc_core.alignment.transport import carry, roles
from lmc_core.errors import SettingError
from lmc_core.fusion.barycenter import moved

Array = NDArray[np.float64]


def correlations(each: Sequence[Sequence[Tensor]]) -> Array:
    """(Σ n_i, Σ n_i) Pearson correlation of the responses of all units of all models, averaged over activations.

    each    per model: responses (n_i, samples), one per activation
    """
    found = []
    for values in zip(*each, strict=True):
        x = torch.cat(list(values)).double()
        x = x - x.mean(1, keepdim=True)
        x = x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
        found.append((x @ x.T).cpu().numpy())
    return np.mean(found, axis=0)


def zip_features(
    similarity: Array, owners: NDArray[np.int64], wanted: int, *, remerge: float, within: float
) -> NDArray[np.int64]:
    """The cluster of every feature, 0 … wanted − 1 (Stoica 2023, alg. 1).

    The most similar pair is merged until `wanted` clusters remain. A merged cluster is as similar to others as its
    less similar half, times `remerge` where that joins features of one model again or has done so; ≤ 0 forbids it.

    owners   (features,) number of the model that each belongs to
    within   of the merges that a model's share allows, the part that may join two clusters with a common model
    """
    count, models = len(owners), int(owners.max()) + 1
    likeness = similarity.astype(np.float64).copy()
    np.fill_diagonal(likeness, -np.inf)
    has = np.eye(models, dtype=np.int64)[owners]  # clusters × models: how many features
    cluster = np.arange(count)
    alive = np.ones(count, dtype=bool)
    budget = np.full(models, int((count - wanted) / models * within))
    for _ in range(count - wanted):
        shares = (has > 0).astype(np.int64)
        spent = (shares * (budget <= 0)) @ shares.T > 0  # pairs with a common model whose budget is used up
        allowed = np.where(spent, -np.inf, likeness)
        if not np.isfinite(allowed).any():  # nothing but merges within models is left
            allowed = likeness if np.isfinite(likeness).any() else np.where(_pairs(alive), 0.0, -np.inf)
        i, j = sorted(np.unravel_index(int(allowed.argmax()), allowed.shape))
        common = (has[i] > 0) & (has[j] > 0)
        budget = budget - common
        has[i] += has[j]
        again = common.any() | (((has > 0) & (has[i] > 0)).any(1))
        row = np.minimum(likeness[i], likeness[j])
        row = np.where(again, row * remerge if remerge > 0 else -np.inf, row)
        alive[j] = False
        row[~alive] = -np.inf
        row[i] = -np.inf
        likeness[i], likeness[:, i] = row, row
        likeness[j], likeness[:, j] = -np.inf, -np.inf
        has[j] = 0
        cluster[cluster == j] = i
    first = {int(c): int(np.flatnonzero(cluster == c)[0]) for c in np.unique(cluster)}
    order = {c: rank for rank, c in enumerate(sorted(first, key=lambda c: first[c]))}
    return np.array([order[int(c)] for c in cluster], dtype=np.int64)


def _pairs(alive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pairs of two different clusters that still exist."""
    return alive[:, None] & alive & ~np.eye(len(alive), dtype=bool)


def like_weights(problem: Problem, block: Block, found: Sequence[Couplings], owners: NDArray[np.int64]) -> Array:
    """A tiny part of the distance between the weights of units of different models, (Σ n_i, Σ n_i): it decides between
    units that never respond."""
    total = np.zeros((len(owners), len(owners)))
    first = problem.models[0]
    own = replace(problem, template=Template(first.symmetry, first.network))
    if own.template.sizes != problem.template.sizes:
        return total
    outside, itself = entering(own, block, set(found[0]))
    for i, (model, known) in enumerate(zip(problem.models, found, strict=True)):
        every = {**unsolved(own, model, known), **known}
        target = dict(model.state)
        target |= {n: moved(model, n, every, keep=axis) for n, axis in outside or itself}
        for j in range(i + 1, len(found)):
            measured = by_weights()(own, block, problem.models[j], target, found[j])
            if measured and (cost := measured.outer).max() > 0:
                share = TIE * cost / cost.max()
                total[np.ix_(owners == i, owners == j)], total[np.ix_(owners == j, owners == i)] = share, share.T
    return total


def matched_plans(
    problem: Problem, block: Block, each: Sequence[Mapping[str, list[Tensor]]], found: Sequence[Couplings]
) -> list[dict[str, Coupling]]:
    """Couplings of every model with the first one by responses, and by weights where there are none."""
    first = problem.models[0]
    target = dict(first.network.state)
    plans = []
    for model, theirs, known in zip(problem.models, each, found, strict=True):
        if first.symmetry.groups[block.name] != problem.symmetry.groups[block.name]:
            raise SettingError(f"zipit cannot change the width of {block.name!r}, which holds nested units")
        cost, ties = (
            response_distance(block, each[0], theirs, model),
            by_weights()(problem, block, model, target, known),
        )
        plans.append((cost.tied(ties) if ties else cost).plan(block, Solver()))
    return plans


def zipped(problem: Problem, found: Sequence[Couplings]) -> dict[str, Tensor]:
    """Σ_i λ_i M_i W_i U_iᵀ, on every axis M where units are made and U where they are read."""

    mass = {
        g: sum(w * (known[g].matrices[1]).sum(-1) for w, known in zip(problem.weights, found, strict=True))
        for g in problem.symmetry.groups
    }
    state: dict[str, Tensor] = {}
    for model, weight, known in zip(problem.models, problem.weights, found, strict=True):
        maps = {}
        for group, coupling in known.items():
            read = torch.as_tensor(coupling.matrices[1])
            total = torch.as_tensor(mass[group])[..., None]
            made = torch.where(total > 0, read / total.clamp(min=1e-300), torch.zeros_like(read))
            device = model.network.device
            maps[group, "write"], maps[group, "read"] = made.to(device), read.to(device)
        for name, tensor in model.network.state.items():
            if not tensor.is_floating_point():
                state.setdefault(name, tensor)
                continue
            moved = weight * carry(tensor.double(), model.symmetry.axes[name], roles(model.symmetry, name), maps)
            state[name] = state[name] + moved if name in state else moved
    return {name: x.to(problem.models[0].network.state[name].dtype) for name, x in state.items()}
