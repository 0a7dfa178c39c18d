"""Mixtures of experts: experts and the rows of their router are one group, and a common shift of gates does nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted import noisy
from torch import Tensor, nn

from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import composed, move, random_elements
from lmc_core.symmetry.permute import identity
from lmc_core.symmetry.verify import random_inputs

WIDTH, EXPERTS, HIDDEN = 6, 5, 8


class Mixture(nn.Module):
    """Experts with one hidden layer each, weighted by a softmax over the gates of a router."""

    def __init__(self, *, bias: bool = True, temperature: float = 1.0, read_twice: bool = False) -> None:
        super().__init__()
        self.enter, self.router = nn.Linear(7, WIDTH), nn.Linear(WIDTH, EXPERTS, bias=bias)
        self.up, self.down = nn.Linear(WIDTH, EXPERTS * HIDDEN), nn.Linear(EXPERTS * HIDDEN, WIDTH, bias=False)
        self.leave = nn.Linear(WIDTH, 5)
        self.temperature, self.read_twice = temperature, read_twice

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.enter(x))
        gates = self.router(x)
        shares = (gates / self.temperature).softmax(-1)
        hidden = torch.relu(self.up(x)).unflatten(-1, (EXPERTS, HIDDEN))
        y = self.down((hidden * shares[..., None]).flatten(-2))
        return self.leave(x + y + gates.square().mean() if self.read_twice else x + y)


def net_of(module: nn.Module) -> Network:
    torch.manual_seed(0)
    for x in module.parameters():
        nn.init.normal_(x, std=0.6)
    return network(module.double(), (torch.randn(2, 7).double(),))


def shifted(net: Network, seed: int) -> Network:
    """The same with one vector added to every row of the router, and one number to its bias."""
    rng = np.random.default_rng(seed)
    state = dict(net.state)
    state["router.weight"] = state["router.weight"] + torch.as_tensor(rng.normal(size=(1, WIDTH)))
    if "router.bias" in state:
        state["router.bias"] = state["router.bias"] + float(rng.normal())
    return net.with_state(state)


@pytest.mark.parametrize("bias", [True, False])
def test_experts_and_the_rows_of_their_router_are_one_group(bias: bool) -> None:
    found = symmetry(net_of(Mixture(bias=bias)))
    experts = found.axes["router.weight"][0].name
    assert all(experts in names_in(found.axes[name][axis]) for name, axis in (("up.weight", 0), ("down.weight", 1)))
    assert found.groups[experts].size == EXPERTS
    hidden = found.groups[found.children(experts)[0]]
    assert (hidden.size, hidden.kind) == (HIDDEN, "scaled")


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("bias", [True, False])
def test_a_common_shift_of_the_gates_does_not_reach_the_canonical_form(bias: bool, temperature: float) -> None:
    net = net_of(Mixture(bias=bias, temperature=temperature))
    moved = shifted(net, 1)
    inputs = random_inputs(net, np.random.default_rng(0))
    assert relative_error(tensors(net(*inputs)), moved(*inputs)) <= 1e-12
    one, other = canonical(net), canonical(moved)
    for name, x in one.network.state.items():
        torch.testing.assert_close(x, other.network.state[name])
    assert one.network.state["router.weight"].mean(0).abs().max() < 1e-12
    assert any(record.part == "common part of gates" for record in other.folded)


def test_gates_that_something_else_reads_keep_their_common_part() -> None:
    net = net_of(Mixture(read_twice=True))
    form = canonical(net)
    assert torch.equal(form.network.state["router.weight"], net.state["router.weight"])


@pytest.mark.parametrize("seed", range(3))
def test_planted_orders_of_experts_come_back_from_behind_a_shift_of_their_gates(seed: int) -> None:
    """Every expert and every hidden unit, with noise of a tenth of the weights' deviation and a large common shift."""
    net = net_of(Mixture())
    rng = np.random.default_rng(seed)
    found = symmetry(net)
    elements = random_elements(found, rng)
    near = shifted(noisy(net, 0.1, rng), seed + 10)
    b = near.with_state(move(near.state, found, elements))
    alignment = align(net, b, "full-symmetry-matching")
    assert alignment.function_error < 1e-10
    reached = {name: coupling.element for name, coupling in alignment.couplings.items()}
    orders = {name: np.abs(x).argmax(-1) if x.dtype.kind == "f" else x for name, x in elements.items()}
    left = composed({**identity(found), **orders}, reached, alignment.symmetry)
    for name, group in found.groups.items():
        if group.size == EXPERTS or group.within is not None:
            np.testing.assert_array_equal(left[name], identity(found)[name])
