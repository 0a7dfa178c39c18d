"""Networks whose branches are modules of their own: mixtures of experts in many ways, parallel branches, heads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmc_core.networks.network import Network, network

WIDTH, EXPERTS, HIDDEN = 6, 5, 8

Mix = Callable[["Mixture", Tensor], Tensor]


class Expert(nn.Module):
    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, hidden), nn.Linear(hidden, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(x)))


class Mixture(nn.Module):
    """Experts that are modules of their own, mixed in one of many ways."""

    def __init__(self, mix: Mix, experts: int = EXPERTS) -> None:
        super().__init__()
        self.enter, self.router, self.leave = nn.Linear(7, WIDTH), nn.Linear(WIDTH, experts), nn.Linear(WIDTH, 3)
        self.experts = nn.ModuleList([Expert() for _ in range(experts)])
        self.mix = mix

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.enter(x))
        return self.leave(x + self.mix(self, x))

    def shares(self, x: Tensor) -> Tensor:
        return self.router(x).softmax(-1)

    def best(self, x: Tensor, count: int = 2) -> tuple[Tensor, Tensor]:
        """Shares of the chosen experts, and their numbers."""
        best = self.shares(x).topk(count, -1)
        return best.values / best.values.sum(-1, keepdim=True), best.indices


def added(m: Mixture, x: Tensor) -> Tensor:
    shares, y = m.shares(x), torch.zeros_like(x)
    for k, expert in enumerate(m.experts):
        y = y + shares[..., k : k + 1] * expert(x)
    return y


def stacked(m: Mixture, x: Tensor) -> Tensor:
    return torch.einsum("...e,...ed->...d", m.shares(x), torch.stack([expert(x) for expert in m.experts], -2))


def unbound(m: Mixture, x: Tensor) -> Tensor:
    shares = m.shares(x).unsqueeze(-1).unbind(-2)
    return sum((share * expert(x) for share, expert in zip(shares, m.experts, strict=True)), torch.zeros_like(x))


def masked(m: Mixture, x: Tensor) -> Tensor:
    shares, chosen = m.best(x)
    gates = torch.zeros_like(m.shares(x)).scatter(-1, chosen, shares)
    return torch.stack([gates[..., k, None] * expert(x) for k, expert in enumerate(m.experts)]).sum(0)


def compared(m: Mixture, x: Tensor) -> Tensor:
    shares, chosen = m.best(x)
    parts = [((chosen == k) * shares).sum(-1, keepdim=True) * expert(x) for k, expert in enumerate(m.experts)]
    return torch.stack(parts, -1).sum(-1)


def sliced(m: Mixture, x: Tensor) -> Tensor:
    """Every expert takes its share from views of its own."""
    shares, y = m.shares(x), torch.zeros_like(x)
    for k, expert in enumerate(m.experts):
        y = y + shares.unsqueeze(0)[:, :][0, :, k, None] * expert(x.clone())
    return y


def as_mixtral(m: Mixture, x: Tensor) -> Tensor:
    """Every expert sees its own tokens alone, as in Jiang 2024."""
    shares, chosen = m.best(x)
    mask, y = F.one_hot(chosen, len(m.experts)).permute(2, 1, 0), torch.zeros_like(x)
    for k, expert in enumerate(m.experts):
        rank, token = torch.where(mask[k])
        y.index_add_(0, token, expert(x[token]) * shares[token, rank, None])
    return y


def as_switch(m: Mixture, x: Tensor) -> Tensor:
    """One expert per token, as in Fedus 2021."""
    share, chosen = m.shares(x).max(-1)
    y = torch.zeros_like(x)
    for k, expert in enumerate(m.experts):
        token = (chosen == k).nonzero()[:, 0]
        y = y.index_copy(0, token, expert(x[token]))
    return y * share[:, None]


def plain(m: Mixture, x: Tensor) -> Tensor:
    """A sum of parallel branches, without a router."""
    return sum((expert(x) for expert in m.experts), torch.zeros_like(x))


ROUTED: dict[str, Mix] = {
    "a weighted sum": added,
    "a stack and an einsum": stacked,
    "unbound shares": unbound,
    "shares from views of their own": sliced,
    "top-k by a mask": masked,
    "top-k by comparison": compared,
    "tokens of each expert, added": as_mixtral,
    "tokens of each expert, copied": as_switch,
}


class Side(nn.Module):
    """Branches whose values lie side by side, as heads kept as modules do."""

    def __init__(self, branches: nn.ModuleList, width: int) -> None:
        super().__init__()
        self.enter, self.heads = nn.Linear(7, WIDTH), branches
        self.proj, self.leave = nn.Linear(width * len(branches), WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.enter(x))
        return self.leave(x + self.proj(torch.cat([head(x) for head in self.heads], -1)))


class Head(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(WIDTH, width, bias=False) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return (self.q(x) @ self.k(x).transpose(-1, -2)).softmax(-1) @ self.v(x)


def net_of(module: nn.Module, *shape: int) -> Network:
    torch.manual_seed(0)
    for x in module.parameters():
        nn.init.normal_(x, std=0.6)
    return network(module.double(), (torch.randn(*(shape or (4, 7))).double(),))


def side_by_side() -> Network:
    return net_of(Side(nn.ModuleList([Head() for _ in range(3)]), 4), 2, 5, 7)


def nets() -> dict[str, Callable[[], Network]]:
    mixtures = {name: lambda mix=mix: net_of(Mixture(mix)) for name, mix in (ROUTED | {"a plain sum": plain}).items()}
    return {**mixtures, "heads side by side": side_by_side}


NETS = nets()
