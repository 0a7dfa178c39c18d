"""Graph values of a network on data, batch after batch, never all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.errors import DataError
from lmc_core.graph.trace import trace, working_batch
from lmc_core.networks.network import Network


def batch_size(network: Network, examples: int) -> int:
    """Examples per forward pass: few for large inputs, and leaving as few as possible over."""
    wanted = max(32, min(512, 2**19 // max(1, network.example_inputs[0][0].numel())))
    if examples > wanted:
        wanted = min(range(wanted, wanted // 2, -1), key=lambda b: examples % b)
    return working_batch(network, min(wanted, examples))


def activations(
    network: Network, x: NDArray[np.generic], watch: Sequence[str], batch: int
) -> Iterator[Mapping[str, Tensor]]:
    """Graph values of a network on x (examples, …), one full batch after the other; a last partial one is left out."""
    if len(x) < batch:
        raise DataError(
            f"{len(x)} examples are fewer than one batch of {batch}, the smallest that {network.source} reads"
        )
    traced = trace(network, batch)
    example = network.example_inputs[0]
    for start in range(0, len(x) - batch + 1, batch):
        inputs = torch.as_tensor(np.ascontiguousarray(x[start : start + batch])).to(example.device, example.dtype)
        yield traced.run(network.state, (network.prepare(inputs),), watch=tuple(watch))[1]
