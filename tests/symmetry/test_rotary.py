"""Rotary positions: in every form that is written, queries and keys keep one complex number per pair of units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from planted import difference
from torch import Tensor, nn
from torch.nn import functional as F

from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.axis import Group, groups_in
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.evidence import classified, ordered, with_kinds
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import move, random_elements
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import random_inputs

WIDTH, HEADS, UNITS, STEPS = 12, 3, 4, 5
ANGLES = torch.outer(torch.arange(STEPS).double(), torch.tensor([1.0, 0.1]).double())
Turn = Callable[[Tensor], Tensor]


def halves(x: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    cos, sin = ANGLES.repeat(1, 2).cos(), ANGLES.repeat(1, 2).sin()
    return x * cos + torch.cat([-second, first], -1) * sin


def sliced(x: Tensor) -> Tensor:
    first, second = x[..., : UNITS // 2], x[..., UNITS // 2 :]
    cos, sin = ANGLES.cos(), ANGLES.sin()
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def by_index(x: Tensor) -> Tensor:
    """cos and sin of given positions and frequencies, computed inside."""
    frequencies = 10_000.0 ** (-torch.arange(0, UNITS, 2).double() / UNITS)
    angles = (torch.arange(STEPS).double()[None, :, None] @ frequencies[None, None]).repeat(1, 1, 2)
    cos, sin = angles.cos().to(x.dtype)[:, None], angles.sin().to(x.dtype)[:, None]
    turned = torch.cat((-x[..., UNITS // 2 :], x[..., : UNITS // 2]), -1)
    return ((x * cos) + (turned * sin)).to(x.dtype)


def every_second(x: Tensor) -> Tensor:
    first, second = x[..., ::2], x[..., 1::2]
    cos, sin = (f(ANGLES).repeat_interleave(2, -1) for f in (torch.cos, torch.sin))
    return x * cos + torch.stack((-second, first), -1).flatten(-2) * sin


def from_a_table(x: Tensor) -> Tensor:
    """The same with cos and sin side by side in one table, taken by position."""
    table = torch.cat([ANGLES.cos(), ANGLES.sin()], -1)[torch.arange(STEPS)]
    cos, sin = (z.repeat_interleave(2, -1) for z in table.split(UNITS // 2, -1))
    return x * cos + torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2) * sin


def stacked(x: Tensor) -> Tensor:
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    cos, sin = ANGLES.cos(), ANGLES.sin()
    first, second = pairs[..., 0], pairs[..., 1]
    return torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(3)


def complex_numbers(x: Tensor) -> Tensor:
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(z * torch.polar(torch.ones_like(ANGLES), ANGLES)).flatten(3)


FORMS: dict[str, tuple[Turn, str]] = {
    "halves": (halves, "complex"),
    "slices": (sliced, "complex"),
    "positions": (by_index, "complex"),
    "every second unit": (every_second, "interleaved-complex"),
    "a table": (from_a_table, "interleaved-complex"),
    "stacked pairs": (stacked, "interleaved-complex"),
    "complex numbers": (complex_numbers, "interleaved-complex"),
}


class Attends(nn.Module):
    """One layer of attention with rotary positions; `keys` heads for keys and values."""

    def __init__(self, turn: Turn, keys: int = HEADS, normed: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.turn, self.keys = turn, keys
        self.embed = nn.Linear(7, WIDTH)
        self.q, self.o = nn.Linear(WIDTH, HEADS * UNITS, bias=bias), nn.Linear(HEADS * UNITS, WIDTH)
        self.k, self.v = (nn.Linear(WIDTH, keys * UNITS, bias=bias) for _ in range(2))
        self.norm = nn.RMSNorm(UNITS, elementwise_affine=False) if normed else nn.Identity()
        self.fc = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x)
        q, k, v = (f(y).view(*y.shape[:2], -1, UNITS).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = self.turn(self.norm(q)), self.turn(self.norm(k))
        k, v = (z.repeat_interleave(HEADS // self.keys, dim=1) for z in (k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.fc(y + self.o(a.transpose(1, 2).flatten(2)))


def net_of(module: nn.Module, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    for x in module.parameters():
        nn.init.normal_(x, std=0.4)
    return network(module.double(), (torch.randn(2, STEPS, 7).double(),))


def rotary(found: Symmetry) -> Group:
    """The group of queries and keys."""
    (name,) = {g.name for g in groups_in(found.axes["q.weight"][0])} & {
        g.name for g in groups_in(found.axes["k.weight"][0])
    } - {g.name for g in groups_in(found.axes["v.weight"][0])}
    return found.groups[name]


def apart(net: Network, found: Symmetry, seed: int) -> float:
    inputs = random_inputs(net, np.random.default_rng(4))
    state = move(net.state, found, random_elements(found, np.random.default_rng(seed)))
    assert difference(state, net.state) > 1e-2
    return relative_error(tensors(net(*inputs)), net.with_state(state)(*inputs))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("keys", [HEADS, 1])
def test_queries_and_keys_keep_a_complex_number_per_pair_in_every_form(form: str, keys: int) -> None:
    turn, kind = FORMS[form]
    net = net_of(Attends(turn, keys))
    found = symmetry(net)
    assert rotary(found).kind == kind
    assert not found.notes
    assert max(apart(net, found, seed) for seed in range(3)) <= 1e-12


def test_normalised_queries_and_keys_keep_turns_alone() -> None:
    net = net_of(Attends(halves, normed=True))
    found = symmetry(net)
    assert rotary(found).kind == "phase"
    assert apart(net, found, 1) <= 1e-12


def test_angles_that_differ_within_a_pair_leave_nothing() -> None:
    def uneven(x: Tensor) -> Tensor:
        return x * torch.arange(1, UNITS + 1) + x.flip(-1)

    found = symmetry(net_of(Attends(uneven)))
    assert "complex" not in found.table()


@pytest.mark.parametrize(("claimed", "left"), [("general", "phase"), ("complex", "complex")])
def test_a_wrong_claim_is_lowered_and_said(claimed: str, left: str) -> None:
    net = net_of(Attends(every_second if claimed == "complex" else halves, normed=claimed == "general"))
    found = symmetry(net)
    name = rotary(found).name
    tried = classified(net, with_kinds(found, {name: "complex"}))
    if claimed == "general":
        assert tried.groups[name].kind == left
    else:
        assert name not in tried.groups  # pairs of the other form: not even turns hold
        assert any(pin.tensor == "q.weight" and "changed the output" in pin.why for pin in tried.pinned)
    assert tried.notes
    assert name in tried.notes[0]


def test_what_is_re_ordered_leaves_rotary_pairs_out() -> None:
    found = symmetry(net_of(Attends(halves)))
    name = rotary(found).name
    assert name not in ordered(found).groups
    assert ordered(found).groups.keys() == found.groups.keys() - {name}


def test_the_canonical_form_balances_the_pairs_and_is_the_same_from_everywhere() -> None:
    net = net_of(Attends(halves, keys=1))
    found = symmetry(net)
    name = rotary(found).name
    moved = net.with_state(move(net.state, found, random_elements(found, np.random.default_rng(1), (name,))))
    forms = [canonical(one) for one in (net, moved)]
    assert max(form.error for form in forms) <= 1e-12
    sizes = [
        (
            x["q.weight"].unflatten(0, (HEADS, 2, -1)).square().sum((0, 1, 3)),
            x["k.weight"].unflatten(0, (2, -1)).square().sum((0, 2)),
        )
        for x in (form.network.state for form in forms)
    ]
    biases = [
        (
            x["q.bias"].unflatten(0, (HEADS, 2, -1)).square().sum((0, 1)),
            x["k.bias"].unflatten(0, (2, -1)).square().sum(0),
        )
        for x in (form.network.state for form in forms)
    ]
    for (q, k), (qb, kb) in zip(sizes, biases, strict=True):
        assert torch.allclose(q + qb, k + kb)
    assert torch.allclose(sizes[0][0], sizes[1][0])
