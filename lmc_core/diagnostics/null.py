"""The null test of a learned alignment: the same learning, with a network that knows nothing in the place of B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network

EXAMPLES = 5_000
"""Test examples on which predictions are compared."""
BATCH = 256


@dataclass(frozen=True)
class Votes:
    """Whom the network half-way sides with.

    loss          test loss of that network: a barrier says little where an end knows nothing
    disagreeing   test examples, of those compared, on which both ends say different classes
    as_a, as_b    of these, on how many the network half-way says what A says, and what B says
    """

    loss: float
    disagreeing: int
    as_a: int
    as_b: int


@dataclass(frozen=True)
class NullTest:
    """A learned path beside the one learned in the same way with B shuffled.

    A path that is low only because something was learned is as low when the entries of every tensor of B are
    shuffled, and half-way its network sides with A alone.

    examples   test examples compared
    """

    real: Votes
    shuffled: Votes
    examples: int

    @property
    def passed(self) -> bool:
        """Whether what is in B counts: half-way the network sides with B at least half as often as with A, and with a
        shuffled B it does not."""
        return 2 * self.real.as_b >= self.real.as_a and 2 * self.shuffled.as_b < self.shuffled.as_a


def shuffled(network: Network, seed: int) -> Network:
    """A network with the entries of every tensor of numbers in a random order: the same values, no function."""
    import torch

    rng = np.random.default_rng([seed, 11])
    state = {}
    for name, x in network.state.items():
        order = torch.as_tensor(rng.permutation(x.numel()), device=x.device)
        state[name] = x.flatten()[order].reshape(x.shape) if x.is_floating_point() else x
    return network.with_state(state)


def votes(loss: float, a: Network, b: Network, middle: Network, data: Dataset, seed: int = 0) -> tuple[Votes, int]:
    """Whom the network half-way between two networks sides with, and on how many test examples that was asked."""
    chosen = np.arange(len(data.x_test))
    if len(chosen) > EXAMPLES:
        chosen = np.sort(np.random.default_rng([seed, 12]).choice(chosen, EXAMPLES, replace=False))
    first, second, between = (answers(network, data, chosen) for network in (a, b, middle))
    if first.dtype.kind == "f":  # numbers, in half standard deviations: the nearer end is sided with
        apart, own = np.abs(first - second) > 1, np.abs(between - first) < np.abs(between - second)
        sides = own, ~own
    else:
        apart, sides = first != second, (between == first, between == second)
    as_a, as_b = (int(side[apart].sum()) for side in sides)
    return Votes(loss, int(apart.sum()), as_a, as_b), len(chosen)


def answers(network: Network, data: Dataset, chosen: NDArray[np.int64]) -> NDArray[Any]:
    """What a network says of every target of these test examples: (targets,) the class, whether a label holds, or the
    number in half standard deviations of all."""
    import torch

    from lmc_core.graph.trace import working_batch
    from lmc_core.paths.batches import batches

    size = working_batch(network, min(BATCH, len(chosen)))
    made = batches(network, data.x_test[chosen], data.y_test[chosen], size, asked=data.task)
    said = []
    with torch.no_grad():
        for number in range(len(made)):
            batch = made[number]
            task = batch.task
            rows = task.rows(task.logits(network(batch.inputs))[: batch.count], batch.targets)
            if task.kind == "regression":
                said.append((rows.reshape(-1, len(task.deviation)) / rows.new_tensor(task.deviation) * 2).reshape(-1))
            else:
                said.append(rows > 0 if task.kind == "labels" else rows.argmax(-1))
    return np.asarray(torch.cat(said).cpu().numpy())
