"""The task loss of a state, differentiable in it: what curves and learned alignments descend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.rnn import RNNBase

from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError
from lmc_core.graph.trace import working_batch
from lmc_core.networks.copies import called, copied
from lmc_core.networks.network import Network
from lmc_core.networks.precision import full_float32
from lmc_core.paths.batches import Batch, batches, score


class TaskLoss:
    """Mean loss (of classes: cross-entropy, nats) of a network's module at any state, on batches of training examples.

    BatchNorm layers use the statistics of the batch, as in training: between two networks the running ones mean
    nothing. Everything else is in eval mode.

    rows   examples per batch: `batch`, or what the module accepts
    """

    def __init__(self, network: Network, data: Dataset, *, examples: int = 0, batch: int = 128, seed: int = 0) -> None:
        self._module = _differentiable(network.module)
        self._running = _running_statistics(network.module)
        total = len(data.x_train)
        self._rng = np.random.default_rng([seed, 7])
        chosen = np.arange(total)
        if 0 < examples < total:
            chosen = np.sort(self._rng.choice(total, examples, replace=False))
        self.rows = working_batch(network, min(batch, len(chosen)))
        if len(chosen) < self.rows:
            raise DataError(f"{len(chosen)} examples are fewer than one batch of {self.rows}")
        self._network, self._data, self._chosen = network, data, chosen

    @property
    def examples(self) -> int:
        """How many the loss is taken on."""
        return len(self._chosen)

    @property
    def batches_per_epoch(self) -> int:
        """Full batches in one pass over the examples."""
        return len(self._chosen) // self.rows

    def epoch(self) -> Iterator[Batch]:
        """Every example once, in a new order; a last partial batch is left out."""
        yield from self._batches(self._rng.permutation(self._chosen))

    def endless(self) -> Iterator[Batch]:
        """One epoch after the other."""
        while True:
            yield from self.epoch()

    def fixed(self, count: int) -> list[Batch]:
        """The same `count` batches at every call, to judge states by."""
        return list(self._batches(self._chosen[: max(1, min(count, self.batches_per_epoch)) * self.rows]))

    def _batches(self, order: NDArray[np.int64]) -> Iterator[Batch]:
        whole = order[: len(order) // self.rows * self.rows]
        made = batches(
            self._network, self._data.x_train[whole], self._data.y_train[whole], self.rows, asked=self._data.task
        )
        yield from (made[index] for index in range(len(made)))

    @full_float32()
    def __call__(self, state: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Mean loss of one batch, (), differentiable in the state."""
        buffers = {  # statistics are updated in place
            name: x.detach().clone() for name, x in state.items() if name in self._running or not x.requires_grad
        }
        output = called(self._module, {**state, **buffers}, (batch.inputs,))
        return score(output, batch)[0] / batch.targets.numel()

    def mean(self, state: Mapping[str, Tensor], chosen: list[Batch]) -> float:
        """Mean loss over several batches, no gradient."""
        with torch.no_grad():
            return float(torch.stack([self(state, batch) for batch in chosen]).mean())


def _differentiable(module: nn.Module) -> nn.Module:
    """The module with BatchNorm and recurrences in training mode, without dropout; itself if it has neither.

    A GPU's recurrences have gradients in training mode only.
    """
    if not any(isinstance(part, _BatchNorm | RNNBase) for part in module.modules()):
        return module
    made = copied(module)
    for part in made.modules():
        if isinstance(part, RNNBase):
            part.dropout = 0.0
        if isinstance(part, _BatchNorm | RNNBase):
            part.train()
    return made


def _running_statistics(module: nn.Module) -> frozenset[str]:
    """The names of what BatchNorm remembers, which the loss does not depend on."""
    norms = [(name, part) for name, part in module.named_modules() if isinstance(part, _BatchNorm)]
    return frozenset(f"{name}.{own}" if name else own for name, part in norms for own, _ in part.named_buffers())
