"""Networks of linear layers, and single things that a trace has to get right."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.making import TOKENS


class GLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(7, 18), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.enter(x).chunk(2, dim=-1)
        return self.leave(torch.sigmoid(gate) * value)


class MixerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(12), nn.LayerNorm(12)
        self.tokens = nn.Sequential(nn.Linear(6, 10), nn.GELU(), nn.Linear(10, 6))
        self.channels = nn.Sequential(nn.Linear(12, 16), nn.GELU(), nn.Linear(16, 12))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 20), nn.ReLU(), nn.Linear(20, 5))


def mixer() -> nn.Module:
    return nn.Sequential(nn.Linear(12, 12), MixerBlock(), nn.LayerNorm(12), nn.Linear(12, 5))


class LowRank(nn.Module):
    """A weight plus a product of two thin ones."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.fc = nn.Linear(7, 10), nn.Linear(10, 5)
        self.a, self.b = nn.Parameter(torch.randn(3, 7)), nn.Parameter(torch.randn(10, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(F.linear(x, self.base.weight + self.b @ self.a, self.base.bias)))


class Normed(nn.Module):
    """A weight with its norm apart, as old weight normalisation writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.v, self.g = nn.Parameter(torch.randn(10, 7)), nn.Parameter(torch.rand(10, 1) + 0.5)
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.g * self.v / self.v.norm(dim=1, keepdim=True)
        return self.fc(torch.relu(x @ weight.t()))


class Autoencoder(nn.Module):
    """Tied the other way round: the decoder is the transposed encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(10, 7)), nn.Parameter(torch.randn(10))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(torch.relu(F.linear(x, self.weight, self.bias)), self.weight.t())


class TwoInputs(nn.Module):
    """A table of categories and a row of numbers; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.numbers = nn.Embedding(TOKENS, 4), nn.Linear(6, 8)
        self.hidden = nn.Linear(12, 10)
        self.left, self.right = nn.Linear(10, 3), nn.Linear(10, 2)

    def forward(self, x: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.cat([self.embed(x).mean(1), torch.relu(self.numbers(n))], -1)
        y = torch.relu(self.hidden(y))
        return self.left(y), self.right(y)


class Unused(nn.Module):
    """A layer that forward never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.spare, self.fc2 = nn.Linear(7, 9), nn.Linear(9, 9), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(torch.relu(self.fc1(x)))


class RunningSum(nn.Module):
    """A running sum over the units of one layer; the others are free."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(7, 9), nn.Linear(9, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.fc1(x)).cumsum(-1)
        return self.fc3(torch.relu(self.fc2(y)))


class Stacked(nn.Module):
    """Two branches stacked and combined with learned weights."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.share = nn.Linear(7, 9), nn.Linear(7, 9), nn.Parameter(torch.randn(2))
        self.fc = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.stack([torch.relu(self.a(x)), torch.tanh(self.b(x))], dim=1)
        return self.fc((y * self.share.softmax(0)[:, None]).sum(1))


class DataDependent(nn.Module):
    """Which layer runs depends on a number of the data: no graph."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(7, 9), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc1(x)
        return self.fc2(torch.relu(y) if float(y.sum()) > 0 else torch.tanh(y))
