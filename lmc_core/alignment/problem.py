"""What a method is given: models, the template that they are coupled with, data and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.template import Template, sizes
from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError, MismatchError
from lmc_core.networks.fit import mismatch, other_size
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, names_in
from lmc_core.symmetry.evidence import ordered
from lmc_core.symmetry.symmetry import Symmetry

State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Model:
    """One of the networks to be coupled, with its symmetry in the template's group names.

    state   its tensors, those that read a group times n / m: as densities over the units (n of them here, m in the
            template), so that the mean of its sources is what a unit is, and their sum what it hands on. With that
            scale one row-stochastic map per group keeps the function wherever it can be kept
    """

    network: Network
    symmetry: Symmetry
    state: State

    @classmethod
    def of(cls, network: Network, symmetry: Symmetry, template: Template) -> Model:
        """A network as the template reads it."""
        theirs = template.sizes
        if sizes(symmetry) == theirs:
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
class Problem:
    """Couple `models`, weighted by `weights` (they sum to 1), with `template`: for every group, how units correspond.

    data     read by methods that look at activations; None is allowed for the others
    seed     of every random choice

    Raises MismatchError naming the first tensor that a symmetry describes wrongly, DataError if the networks cannot
    read the data.
    """

    models: tuple[Model, ...]
    weights: tuple[float, ...]
    template: Template
    data: Dataset | None = None
    seed: int = 0
    report: Report = silent

    def __post_init__(self) -> None:
        check_symmetry(self.template.frame, self.symmetry)
        for model in self.models:
            check_symmetry(model.network, model.symmetry)
            if self.data is not None:
                check_data(model.network, self.data)

    @classmethod
    def pair(
        cls,
        reference: Network,
        moved: Network,
        symmetry: Symmetry,
        data: Dataset | None = None,
        seed: int = 0,
        report: Report = silent,
    ) -> Problem:
        """Align `moved` with `reference`, which is the template. Raises MismatchError where they differ."""
        if why := mismatch(reference, moved):
            raise MismatchError(why)
        template = Template(symmetry, reference)
        return cls((Model(moved, symmetry, dict(moved.state)),), (1.0,), template, data, seed, report)

    @property
    def symmetry(self) -> Symmetry:
        """Of the template."""
        return self.template.symmetry

    @property
    def ordered(self) -> Problem:
        """The same for methods that re-order: groups whose class holds no orders are fixed."""
        models = tuple(replace(model, symmetry=ordered(model.symmetry)) for model in self.models)
        return replace(self, models=models, template=replace(self.template, symmetry=ordered(self.symmetry)))

    @property
    def reference(self) -> Network:
        """A of a pair."""
        return self.template.frame

    @property
    def moved(self) -> Network:
        """B of a pair."""
        return self.models[0].network

    @property
    def learned(self) -> list[str]:
        """Names of the tensors that models are compared by."""
        return learned(self.models[0].network, self.symmetry)

    @property
    def labelled(self) -> Dataset:
        """The data, for methods that descend on its loss. Raises DataError if there is none."""
        if self.data is None:
            raise DataError("this method minimises a loss and needs data: name a data set")
        return self.data

    def rng(self, *stream: int) -> np.random.Generator:
        """Random numbers that depend on the seed and on what they are for."""
        return np.random.default_rng([self.seed, *stream])

    def examples(self, count: int) -> NDArray[np.generic]:
        """A random choice of `count` training examples, (count, …); all of them in order if count is 0 or too many."""
        if self.data is None:
            raise DataError("comparing activations needs data: name a data set, or compare weights")
        total = len(self.data.x_train)
        if count <= 0 or count >= total:
            return self.data.x_train
        return self.data.x_train[np.sort(self.rng(0).choice(total, count, replace=False))]


def learned(network: Network, symmetry: Symmetry) -> list[str]:
    """Names of tensors that were learned and are used: what models are compared by.

    Running statistics are left out, as in the papers: a variance of a thousand would outvote all weights.
    """
    parameters = {name for name, _ in network.module.named_parameters(remove_duplicate=False)}
    names = [name for name in symmetry.axes if name not in symmetry.unused]
    return [name for name in names if name in parameters & network.state.keys()] or names


_STATISTICS = ("running_mean", "running_var")


def constants(reference: Network, moved: Network, symmetry: Symmetry) -> list[str]:
    """Names of tensors that nobody learned, that carry groups, and that hold the same numbers in some order in both.

    Running statistics are none: they are alike in a network and its own copy only.
    """
    judged = set(learned(reference, symmetry)) | set(symmetry.unused)
    return [
        name
        for name, axes in symmetry.axes.items()
        if name not in judged
        and not name.endswith(_STATISTICS)
        and names_in(*axes)
        and not reference.state[name].is_complex()
        and torch.equal(*(net.state[name].flatten().sort().values.cpu() for net in (reference, moved)))
    ]


def check_symmetry(network: Network, symmetry: Symmetry) -> None:
    """The axis expressions have the sizes of the tensors. Raises MismatchError naming the first that does not."""
    for name, axes in symmetry.axes.items():
        if name not in network.state:
            raise MismatchError(f"the symmetry speaks of a tensor {name!r}, which {network.source} does not have")
        shape, described = tuple(network.state[name].shape), tuple(axis.size for axis in axes)
        if shape != described:
            raise MismatchError(
                f"tensor {name!r} has shape {shape}; the symmetry describes {described}: infer it from this network"
            )


def check_data(network: Network, data: Dataset) -> None:
    """One example of the data is one input of the network. Raises DataError with both shapes."""
    if len(network.example_inputs) != 1:
        raise DataError(
            f"{network.source} takes {len(network.example_inputs)} inputs; data sets here hold one: "
            "use a method that needs no data"
        )
    example = network.example_inputs[0]
    wanted = tuple(example.shape[1:])
    if prod(wanted) != prod(data.shape):
        more = other_size(network, data.shape)
        raise DataError(f"{network.source} reads inputs of shape {wanted}; {data.name} has {data.shape}{more}")
    if example.is_floating_point() != np.issubdtype(data.x_train.dtype, np.floating):
        reads = "numbers" if example.is_floating_point() else "tokens (integers)"
        raise DataError(f"{network.source} reads {reads}; {data.name} holds {data.x_train.dtype}")
