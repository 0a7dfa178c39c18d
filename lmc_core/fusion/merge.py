"""What a fusion method is given and what it returns: models in a template, couplings, the barycentre they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.transport import carry
from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError
from lmc_core.fusion.template import Template, sizes
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.permute import index
from lmc_core.symmetry.symmetry import Symmetry

Couplings = Mapping[str, Coupling]
State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Model:
    """One of the networks to be fused, with its symmetry in the template's group names.

    state   its tensors, those that read a group times n / m: as densities over the units (n of them here, m in the
            template), so that the mean of its sources is what a unit is, and their sum what it hands on. With that
            scale one row-stochastic map per group keeps the function wherever it can be kept
    """

    network: Network
    symmetry: Symmetry
    state: State

    @classmethod
    def of(cls, network: Network, symmetry: Symmetry, template: Template, *, densities: bool = True) -> Model:
        theirs = template.sizes
        if sizes(symmetry) == theirs or not densities:
            return cls(network, symmetry, dict(network.state))
        grow = {name: torch.tensor(group.size / theirs[name]) for name, group in symmetry.groups.items()}
        state = {}
        for name, tensor in network.state.items():
            for number, axis in enumerate(symmetry.axes.get(name, ())):
                if symmetry.roles.get((name, number)) == "read":
                    shape = [1] * tensor.ndim
                    shape[number] = -1
                    tensor = tensor * _factors(axis, grow).to(tensor).reshape(shape)
            state[name] = tensor
        return cls(network, symmetry, state)


def _factors(axis: Axis, grow: Mapping[str, Tensor]) -> Tensor:
    """The product of the factors of all groups at every position of an axis."""
    match axis:
        case Fixed(size):
            return torch.ones(size, dtype=torch.float64)
        case Group(name, size):
            return grow[name].double().expand(size)
        case Sum(parts):
            return torch.cat([_factors(part, grow) for part in parts])
        case Product(factors):
            found = torch.ones(1, dtype=torch.float64)
            for factor in factors:
                found = torch.outer(found, _factors(factor, grow)).flatten()
            return found


@dataclass(frozen=True, eq=False)
class FusionProblem:
    """Fuse `models`, weighted by `weights` (they sum to 1), in the frame of `template`."""

    models: tuple[Model, ...]
    weights: tuple[float, ...]
    template: Template
    data: Dataset | None = None
    seed: int = 0
    report: Report = silent

    @property
    def symmetry(self) -> Symmetry:
        return self.template.symmetry

    @property
    def anchor(self) -> int:
        """The heaviest model: an average is written as this one plus differences, exact when there are none."""
        return max(range(len(self.weights)), key=lambda i: self.weights[i])

    def rng(self, *stream: int) -> np.random.Generator:
        """Random numbers that depend on the seed and on what they are for."""
        return np.random.default_rng([self.seed, *stream])

    def examples(self, count: int) -> NDArray[np.generic]:
        """A random choice of training examples, (count, …)."""
        if self.data is None:
            raise DataError("comparing activations needs data: name a data set, or compare weights")
        total = len(self.data.x_train)
        return self.data.x_train[np.sort(self.rng(0).choice(total, min(count, total), replace=False))]

    def parameters(self) -> list[str]:
        """Names of tensors that were learned and are used: what costs are made of."""
        network = self.models[0].network
        learned = {name for name, _ in network.module.named_parameters(remove_duplicate=False)} & network.state.keys()
        names = [n for n in self.symmetry.axes if n not in self.symmetry.unused]
        return [n for n in names if n in learned] or names


@dataclass(frozen=True, eq=False)
class Fused:
    """What a method found.

    state       of the fused network
    couplings   one mapping per model, group → Coupling with the template
    history     the method's own objective, step after step
    network     where the result is no network of the template: one with a head per model
    alone       and then every model as the trunk and its own head
    """

    state: Mapping[str, Tensor]
    couplings: tuple[Couplings, ...]
    history: tuple[float, ...] = ()
    converged: bool = True
    notes: tuple[str, ...] = field(default=())
    network: Network | None = None
    alone: tuple[Network, ...] = ()

    def but(self, notes: Sequence[str]) -> Fused:
        """The same with sentences about what did not converge, if there are any."""
        return replace(self, converged=self.converged and not notes, notes=(*self.notes, *notes))


def touched(axes: Iterable[Axis]) -> set[str]:
    """Names of the groups that axes mention."""
    return {group.name for axis in axes for group in groups_in(axis)}


def moved(tensor: Tensor, model: Model, name: str, couplings: Couplings, *, keep: int | None = None) -> Tensor:
    """A tensor called `name` in a model, carried to the template; axis number `keep` stays as it is."""
    axes = [Fixed(a.size) if n == keep else a for n, a in enumerate(model.symmetry.axes.get(name, ()))]
    return carried(tensor, axes, model.symmetry, couplings)


def carried(tensor: Tensor, axes: Sequence[Axis], symmetry: Symmetry, couplings: Couplings) -> Tensor:
    """A tensor with these axes carried to the template by the row-stochastic maps m·π, gathered where all are hard."""
    needed = touched(axes)
    if not needed:
        return tensor
    if all(couplings[g].is_hard for g in needed):
        perms = {g: perm for g in needed if (perm := couplings[g].perm) is not None}
        for number, axis in enumerate(axes):
            order = index(axis, perms, symmetry)
            if (order != np.arange(len(order))).any():
                tensor = tensor.index_select(number, torch.as_tensor(order, device=tensor.device))
        return tensor
    maps = {}
    for group in needed:
        matrix = torch.as_tensor(couplings[group].matrices[0], device=tensor.device)
        maps[group, "write"] = maps[group, "read"] = matrix
    return carry(tensor, axes, ["write"] * len(axes), maps)


def barycenter(problem: FusionProblem, couplings: Sequence[Couplings], names: Iterable[str]) -> State:
    """W = Σ_i λ_i (k π_i) W_i (k' π'_i)ᵀ for the tensors named: the exact minimiser of the transport costs over W for
    uniform marginals (Akash 2022), permute-then-average for permutations."""
    made = {}
    first = problem.anchor
    for name in names:
        parts = [moved(m.state[name], m, name, found) for m, found in zip(problem.models, couplings, strict=True)]
        total = parts[first]
        if total.is_floating_point():
            for i, part in enumerate(parts):
                if i != first and problem.weights[i]:
                    total = total + problem.weights[i] * (part - parts[first])
        made[name] = total
    return made
