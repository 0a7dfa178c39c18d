"""What an alignment method is given: two networks that fit together, their symmetry, data and a seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError, MismatchError
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Problem:
    """Align `moved` with `reference`: find for every group of `symmetry` how their units correspond.

    data     read by methods that look at activations; None is allowed for the others
    seed     of every random choice

    Raises MismatchError naming the first tensor that differs, DataError if the networks cannot read the data.
    """

    reference: Network
    moved: Network
    symmetry: Symmetry
    data: Dataset | None = None
    seed: int = 0
    report: Report = silent

    def __post_init__(self) -> None:
        if why := mismatch(self.reference, self.moved):
            raise MismatchError(why)
        check_symmetry(self.reference, self.symmetry)
        if self.data is not None:
            check_data(self.reference, self.data)

    def rng(self, *stream: int) -> np.random.Generator:
        """Random numbers that depend on the seed and on what they are for."""
        return np.random.default_rng([self.seed, *stream])

    @property
    def labelled(self) -> Dataset:
        """The data, for methods that descend on its loss. Raises DataError if there is none."""
        if self.data is None:
            raise DataError("this method minimises a loss and needs data: name a data set")
        return self.data

    def examples(self, count: int) -> NDArray[np.generic]:
        """A random choice of `count` training examples, (count, …); all of them in order if count is 0 or too many."""
        if self.data is None:
            raise DataError("this method compares activations and needs data: name a data set")
        total = len(self.data.x_train)
        if count <= 0 or count >= total:
            return self.data.x_train
        return self.data.x_train[np.sort(self.rng(0).choice(total, count, replace=False))]


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
        raise DataError(f"{network.source} reads inputs of shape {wanted}; {data.name} has {data.shape}")
    if example.is_floating_point() != np.issubdtype(data.x_train.dtype, np.floating):
        reads = "numbers" if example.is_floating_point() else "tokens (integers)"
        raise DataError(f"{network.source} reads {reads}; {data.name} holds {data.x_train.dtype}")
