"""What the units of a network answer to examples: graph values batch after batch, never all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.meetings import Leaf, meetings, views
from lmc_core.errors import DataError
from lmc_core.graph.trace import trace, working_batch
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Group, names_in
from lmc_core.symmetry.symmetry import Symmetry

PLACES = 20_000  # responses kept per unit: examples times places of an image or steps of a sequence

Key = tuple[str, str, int, int]
"""(group, graph value, number of the view, dimension): one place where responses of a group are read."""


def batch_size(network: Network, examples: int) -> int:
    """Examples per forward pass: few for large inputs, and leaving as few as possible over."""
    wanted = max(32, min(512, 2**19 // max(1, network.example_inputs[0][0].numel())))
    if examples > wanted:
        wanted = min(range(wanted, wanted // 2, -1), key=lambda b: examples % b)
    return working_batch(network, min(wanted, examples))


def activations(
    network: Network, x: NDArray[np.generic], watch: Sequence[str], batch: int
) -> Iterator[Mapping[str, Tensor]]:
    """Graph values of a network on x (examples, …), one full batch after the other; a last partial one is left out.

    Raises DataError if there are fewer examples than one batch.
    """
    if len(x) < batch:
        raise DataError(
            f"{len(x)} examples are fewer than one batch of {batch}, the smallest that {network.source} reads"
        )
    traced = trace(network, batch)
    example = network.example_inputs[0]
    for start in range(0, len(x) - batch + 1, batch):
        inputs = torch.as_tensor(np.ascontiguousarray(x[start : start + batch])).to(example.device, example.dtype)
        yield traced.run(network.state, (network.prepare(inputs),), watch=tuple(watch))[1]


def watched(symmetry: Symmetry, groups: Iterable[str]) -> list[str]:
    """Names of the graph values in which later weights read these groups."""
    return sorted({value for group in groups for value, _ in symmetry.reads.get(group, ())})


def readings(
    values: Sequence[Tensor], value: str, symmetry: Symmetry, groups: Iterable[str], outer: str | None = None
) -> Iterator[tuple[Key, list[Tensor], tuple[Leaf, ...], list[int]]]:
    """Every place where later weights read one of these groups in one graph value of one network or of several.

    outer    only of this free group and of those nested in it

    Yields the key of the place, the view of each value, its leaves, and the dimensions that hold the units.
    """
    read = {number for group in groups for name, number in symmetry.reads.get(group, ()) if name == value}
    axes = symmetry.values[value]
    apart = [number for number, axis in enumerate(axes) if names_in(axis)]
    for part, views_here in enumerate(zip(*(views(x, axes, apart) for x in values), strict=True)):
        leaves = views_here[0][1]
        for meeting in meetings(leaves, outer):
            for group, keep in meeting.kept:
                if any(leaves[dim].axis in read for dim in keep):
                    yield (group, value, part, keep[-1]), [x for x, _ in views_here], leaves, keep


def responses(
    network: Network, symmetry: Symmetry, x: NDArray[np.generic], groups: Sequence[str]
) -> dict[str, list[Tensor]]:
    """What the units of a block answer to examples, at every activation that later weights read.

    groups   of the block, the free one first

    Returns group → [(n, samples)], nested group → [(N, n, samples)]; other groups on the way are averaged.
    """
    watch = watched(symmetry, groups)
    if not watch:
        return {}
    found: dict[Key, list[Tensor]] = {}
    for values in activations(network, x, watch, batch_size(network, len(x))):
        for value in watch:
            for key, (y,), leaves, keep in readings([values[value]], value, symmetry, groups, groups[0]):
                others = [d for d, leaf in enumerate(leaves) if d not in keep and isinstance(leaf.part, Group)]
                z = y.mean(others, keepdim=True) if others else y
                z = z.permute(*keep, *(d for d in range(z.ndim) if d not in keep)).flatten(len(keep))
                found.setdefault(key, []).append(z.double())
    gathered: dict[str, list[Tensor]] = {}
    for (name, *_), batches in found.items():
        every = torch.cat(batches, -1)
        step = max(1, -(-every.shape[-1] // PLACES))
        gathered.setdefault(name, []).append(every[..., ::step])
    return gathered
