"""Examples on the device, in batches that all have exactly the same number of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.data.dataset import Asked
from lmc_core.errors import DataError
from lmc_core.networks.fit import other_size
from lmc_core.networks.network import Network
from lmc_core.paths.layout import Layout
from lmc_core.paths.task import LOGITS, Task

CACHE = {"cpu": 4 << 20, "cuda": 64 << 20}
"""Bytes the largest value of one batch may take: what a core's cache holds, or what keeps a GPU busy."""


@dataclass(frozen=True, eq=False)
class Batch:
    """`size` rows of prepared inputs (size, …), of which the first `count` are examples.

    targets   (count, …) class numbers, or numbers
    classes   how many classes the targets of the whole split need
    task      how outputs are read
    """

    inputs: Tensor
    targets: Tensor
    count: int
    classes: int
    task: Task = LOGITS


@dataclass(frozen=True, eq=False)
class Batches:
    """All examples of a split, moved to the network's device once, cut into batches of `size` rows.

    The last batch is filled up by starting over from the first example; these rows do not count.
    """

    network: Network
    x: Tensor
    y: Tensor
    size: int
    classes: int
    layout: Layout
    task: Task

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __getitem__(self, index: int) -> Batch:
        start = index * self.size
        x, y = self.x[start : start + self.size], self.y[start : start + self.size]
        count = len(x)
        if count < self.size:
            filling = torch.arange(self.size - count, device=x.device) % len(self.x)
            x = torch.cat([x, self.x[filling]])
        wanted = self.network.example_inputs[0]
        if wanted.is_floating_point():
            x = x.to(wanted.dtype)
        return Batch(self.layout.inputs(self.network.prepare(x)), y, count, self.classes, self.task)


def batches(
    network: Network,
    x: NDArray[np.generic],
    y: NDArray[Any],
    size: int,
    layout: Layout | None = None,
    task: Task | None = None,
    asked: Asked = "auto",
) -> Batches:
    """Examples x (n, …) with targets y (n, …) on the device of `network`; how its outputs are read is seen from them,
    or is a `task` that is known already.

    asked   what the targets are, where somebody says it

    Raises DataError if there are none, or if the network does not read examples of this shape.
    """
    if len(network.example_inputs) != 1:
        raise DataError(f"the network reads {len(network.example_inputs)} inputs; a dataset gives one")
    if not len(x):
        raise DataError("there are no examples to evaluate on")
    wanted = network.example_inputs[0]
    if np.prod(x.shape[1:]) != np.prod(wanted.shape[1:]):
        more = other_size(network, x.shape[1:])
        raise DataError(
            f"one example has shape {tuple(x.shape[1:])}; the network reads {tuple(wanted.shape[1:])}{more}"
        )
    if not wanted.is_floating_point() and np.issubdtype(x.dtype, np.floating):
        raise DataError(f"the examples are {x.dtype} numbers; the network reads whole numbers ({wanted.dtype})")
    whole = np.issubdtype(y.dtype, np.integer)
    if whole and y.min() < 0 and asked != "regression":
        raise DataError("targets must be class numbers 0, 1, 2, …")
    device = network.device
    examples = torch.from_numpy(x).to(device)
    targets = torch.from_numpy(y).to(device, torch.int64 if whole else torch.float32)
    task = task or Task.of(network, examples, targets, asked)
    classes = int(y.max()) + 1 if whole and task.kind != "regression" else 0
    return Batches(network, examples, targets, size, classes, layout or Layout(), task)


def batch_size(widest: int, counts: Iterable[int], device: torch.device) -> int:
    """Rows per batch: as many as the cache holds, at least 8, and then the number that leaves the fewest rows to fill.

    widest   bytes of the largest value the network makes from one example
    counts   examples in each split
    """
    counts = tuple(counts)
    most = CACHE.get(device.type, CACHE["cpu"]) // max(widest, 1)
    most = min(max(8, most), 8192 if device.type == "cuda" else 1024, max(counts))
    return min(range(most, most // 2, -1), key=lambda size: sum(-(-n // size) * size for n in counts))


def scores(output: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Loss of every target of the examples that count, and whether it was told right: (targets,) each.

    output   what the network returned

    Raises DataError if the shapes do not fit or a target names a class the logits do not have.
    """
    logits = batch.task.logits(output)[: batch.count]
    return batch.task.scores(batch.task.rows(logits, batch.targets), batch.targets, batch.classes)


def summed(loss: Tensor, right: Tensor) -> Tensor:
    """Summed loss and number of right answers, (2,) float64."""
    return torch.stack([loss.sum(dtype=torch.float64), right.sum(dtype=torch.float64)])


def score(output: Any, batch: Batch) -> Tensor:
    """Summed loss and number of right answers over the examples that count: (2,) float64."""
    return summed(*scores(output, batch))
