"""Networks are computed in float32 proper on a GPU, by whatever way they are computed."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from lmc_core.data.dataset import Dataset
from lmc_core.graph.trace import trace
from lmc_core.graph.untraced import Untraced
from lmc_core.networks.network import network
from lmc_core.networks.precision import full_float32
from lmc_core.paths.loss import TaskLoss
from lmc_core.training.train import score


class Telling(nn.Module):
    """Notes whether cuDNN might use TF32 while it computes, outside the module: a network keeps nothing of a call."""

    allowed: ClassVar[list[bool]] = []

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        self.allowed.append(torch.backends.cudnn.allow_tf32)
        return self.fc(x)


def by_calling(net, x, y):
    net(x)


def whole(net, x, y):
    Untraced(net, len(x)).run(net.state, (x,))


def by_its_trace(net, x, y):
    def told(op, args, kwargs):
        net.module.allowed.append(torch.backends.cudnn.allow_tf32)
        return op(*args, **kwargs)

    traced = trace(net, len(x))
    net.module.allowed.clear()
    traced.run(net.state, (x,), override=dict.fromkeys(traced.outputs, told))


def by_its_loss(net, x, y):
    loss = TaskLoss(net, Dataset("six", x.numpy(), y.numpy(), x.numpy(), y.numpy(), ("a", "b", "c")), batch=6)
    net.module.allowed.clear()
    loss(net.state, loss.fixed(1)[0])


def by_its_score(net, x, y):
    score(net.module, x, y)


@pytest.fixture
def allowed():
    """A process that allows TF32, as torch does by itself."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("way", [by_calling, whole, by_its_trace, by_its_loss, by_its_score])
def test_no_way_of_computing_a_network_uses_tf32_and_the_setting_of_the_process_stays(way, allowed):
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.random((6, 4)).astype(np.float32)), torch.from_numpy(rng.integers(0, 3, 6))
    net = network(Telling(), (x,))
    net.module.allowed.clear()
    way(net, x, y)
    assert net.module.allowed
    assert not any(net.module.allowed)
    assert torch.backends.cudnn.allow_tf32


@pytest.mark.usefixtures("allowed")
def test_the_setting_of_the_process_comes_back_after_an_error():
    with pytest.raises(ZeroDivisionError), full_float32():
        1 / torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32
