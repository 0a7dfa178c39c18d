"""Training on from where a network is, and what it scores before, between and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lmc_core.data.dataset import Dataset
from lmc_core.errors import SettingError
from lmc_core.networks.copies import copied
from lmc_core.networks.network import Network
from lmc_core.paths.recalibrate import Recalibrated
from lmc_core.paths.task import SEEN, Task
from lmc_core.report import Report, silent
from lmc_core.training.train import score

Scores = Mapping[str, Mapping[str, float]]
"""split ("train", "test") → {"loss", "accuracy"}"""


@dataclass(frozen=True, eq=False)
class FineTuned:
    """curve    scores before the first epoch and after each"""

    network: Network
    curve: tuple[Scores, ...]


def finetune(
    network: Network,
    data: Dataset,
    epochs: int,
    *,
    rate: float = 0.01,
    momentum: float = 0.9,
    batch: int = 64,
    weight_decay: float = 0.0,
    seed: int = 0,
    report: Report = silent,
) -> FineTuned:
    """The network trained on for some epochs by SGD at a constant rate, whatever its architecture.

    Raises SettingError for a network whose code cannot be trained, such as an exported program.
    """
    module = _loaded(network)
    x, y = _prepared(network, data, "train")
    task = _task(network, data)
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(module.parameters(), lr=rate, momentum=momentum, weight_decay=weight_decay)
    curve = [measure(network, data)]
    for epoch in range(epochs):
        _train_mode(module, network)
        order = torch.randperm(len(y), generator=generator).to(y.device)
        for done, indices in enumerate(order.split(batch)):
            if done % 20 == 0:
                report("fine-tuning", epoch * len(y) + done * batch, epochs * len(y))
            loss = task.loss(task.rows(task.logits(module(x[indices])), y[indices]), y[indices])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        module.eval()
        network = _taken(network, module)
        curve.append(measure(network, data))
    return FineTuned(network, tuple(curve))


def measure(
    network: Network | Recalibrated, data: Dataset, splits: Sequence[str] = ("train", "test")
) -> dict[str, dict[str, float]]:
    """Loss and accuracy on the training and the test examples; of a recalibrated network with all its corrections."""
    module: Callable[[Tensor], Tensor]
    if isinstance(network, Recalibrated):
        module, network = network, network.network
    else:
        module = _loaded(network)
    task = _task(network, data)
    found = {}
    for split in splits:
        loss, accuracy = score(module, *_prepared(network, data, split), batch=500, task=task)
        found[split] = {"loss": loss, "accuracy": accuracy}
    return found


def _task(network: Network, data: Dataset) -> Task:
    examples, targets = torch.from_numpy(data.x_test[:SEEN]), torch.from_numpy(data.y_test)
    return Task.of(network, examples.to(network.device), targets.to(network.device), data.task)


def _loaded(network: Network) -> nn.Module:
    """A copy of the module that holds the network's numbers."""
    module = copied(network.module)
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for name, tensor in network.state.items():
            own[name].copy_(tensor)
    return module


def _taken(network: Network, module: nn.Module) -> Network:
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    state = {name: own[name].detach().clone() for name in network.state}
    return replace(network.with_state(state), metadata=network.metadata)


def _prepared(network: Network, data: Dataset, split: str) -> tuple[Tensor, Tensor]:
    x, y = (data.x_train, data.y_train) if split == "train" else (data.x_test, data.y_test)
    example = network.example_inputs[0]
    inputs = torch.from_numpy(x).to(example.device, example.dtype)
    return network.prepare(inputs), torch.from_numpy(y).to(example.device)


def _train_mode(module: nn.Module, network: Network) -> None:
    try:
        module.train()
    except NotImplementedError:
        raise SettingError(
            f"{network.source} is an exported program and cannot be trained on; leave out --finetune"
        ) from None
