"""Balanced frames and scales: the same wherever a network started from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from canonical_forms import CLASSES, above, apart, changed, form_of, formed, made
from torch import Tensor, nn
from zoo.making import rows

from lmc_core.errors import TraceError
from lmc_core.networks.network import network
from lmc_core.symmetry.canonical.balance import balanced
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.canonical.frames import sides
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import move, random_elements

SCALED = [
    "mlp",
    "vgg_bn_flatten",
    "densenet_cat",
    "depthwise_grouped",
    "unet_cat_skip",
    "shufflenet",
    "decoder",
    "fused",
]
GENERAL = [
    "gru2",
    "gpt_fused5d",
    "llama_gqa_rope",
    "cross_attention",
    "masked_attention",
    "mixed_heads",
    "low_rank",
    "two_inputs",
    *CLASSES,
]


@pytest.mark.parametrize("name", SCALED)
def test_the_scales_of_units_leave_no_trace(name: str) -> None:
    net, found = made(name)
    groups = above(found, "scaled")
    elements = random_elements(found, np.random.default_rng(1), groups)
    moved = net.with_state(move(net.state, found, elements))
    assert apart(net, moved) > 1e-3
    orders = {name: np.abs(element).argmax(-1) for name, element in elements.items()}
    expected = move(balanced(net, found).state, found, orders)
    assert apart(net.with_state(expected), balanced(moved, found)) <= 1e-9


@pytest.mark.parametrize("name", GENERAL)
def test_the_frames_of_general_groups_leave_rotations_only(name: str) -> None:
    net, found = made(name)
    groups = above(found, "general")
    moved = net.with_state(move(net.state, found, random_elements(found, np.random.default_rng(2), groups)))
    assert apart(net, moved) > 1e-3
    one, other = formed(name), canonical(moved, found)
    assert not [r for r in one.refused if r.part == "frame"]
    for group in groups:
        lengths = []
        for form in (one, other):
            writes, reads = sides(form.network.state, form.symmetry, group)
            assert torch.allclose(writes @ writes.mT, reads @ reads.mT, atol=1e-8 * float(writes.abs().max()) ** 2)
            lengths.append(torch.linalg.svdvals(writes))
        assert torch.allclose(*lengths, rtol=1e-7)


@pytest.mark.parametrize("name", ["pre-norm", "multi-query", "fused", "MultiheadAttention", "ViT"])
def test_one_rotation_of_each_head_makes_two_canonical_forms_of_one_function_the_same(name: str) -> None:
    net, found = made(name)
    groups = above(found, "general")
    moved = net.with_state(move(net.state, found, random_elements(found, np.random.default_rng(3), groups)))
    one, other = formed(name), canonical(moved, found)
    turns = {}
    for group in groups:
        (a, _), (b, _) = (sides(form.network.state, form.symmetry, group) for form in (one, other))
        u, _, vt = torch.linalg.svd(a @ b.mT)
        turn = (u @ vt).numpy()
        turns[group] = turn if found.groups[group].within else turn[0]
    assert apart(one.network, one.network.with_state(move(other.network.state, one.symmetry, turns))) <= 1e-9


def test_directions_that_nothing_reads_are_left_out() -> None:
    form = form_of(nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 3)))
    assert not form.refused
    (group,) = form.symmetry.groups
    writes, reads = sides(form.network.state, form.symmetry, group)
    assert torch.allclose(writes @ writes.mT, reads @ reads.mT)
    assert int(torch.linalg.matrix_rank(writes[0])) == 3


def test_units_that_nothing_reads_stay() -> None:
    module = nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 5), nn.Linear(5, 3)).double()
    module[2].weight.data[:] = 0.0
    form = canonical(network(module, rows(7)))
    assert [(r.part, "do not meet" in r.why) for r in form.refused] == [("frame", True)]
    assert form.error == 0


class Loop(nn.Module):
    """A linear layer that reads and writes one stream, which nothing normalises."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.turn, self.leave = nn.Linear(7, 4), nn.Linear(4, 4), nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(x + self.turn(x + self.turn(x)))


def test_a_frame_is_balanced_where_one_tensor_makes_and_uses_the_units() -> None:
    torch.manual_seed(0)
    net = network(Loop().double(), rows(7))
    found = symmetry(net)
    assert {g.kind for g in found.groups.values()} == {"general"}
    lengths = []
    for seed in range(3):
        state = move(net.state, found, random_elements(found, np.random.default_rng(seed)))
        form = canonical(net.with_state(state), found)
        assert form.error <= 1e-12
        writes, reads = sides(form.network.state, found, "enter")
        assert torch.allclose(writes @ writes.mT, reads @ reads.mT, rtol=1e-8)
        lengths.append(torch.linalg.svdvals(writes))
    assert torch.allclose(lengths[0], lengths[1])
    assert torch.allclose(lengths[0], lengths[2])


def test_units_that_nothing_makes_or_uses_stay_and_do_not_disturb_the_others() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    module[0].weight.data[0], module[0].bias.data[0] = 0.0, 0.0
    module[4].weight.data[:, 1] = 0.0
    net = network(module, rows(7))
    even = balanced(net, symmetry(net))
    assert changed(net, even) <= 1e-12
    assert torch.equal(even.state["0.weight"][0], net.state["0.weight"][0])
    norms = even.state["0.weight"].square().sum(1) + even.state["0.bias"].square()
    assert torch.allclose(norms[1:], even.state["2.weight"].square().sum(0)[1:])


class Gated(nn.Module):
    """Units multiplied by others: both, either, or none of them may be scaled."""

    def __init__(self, gate: Callable[[Tensor], Tensor], normed: bool = True) -> None:
        super().__init__()
        self.enter, self.gate, self.up, self.down = (nn.Linear(a, b) for a, b in ((7, 6), (6, 9), (6, 9), (9, 6)))
        self.leave, self.act = nn.Linear(6, 6), gate
        self.norm = nn.LayerNorm(6, elementwise_affine=False) if normed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.enter(x))
        return self.leave(y + self.down(self.act(self.gate(y)) * self.up(y)))


@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize(("gate", "free"), [(F.silu, ("up",)), (torch.relu, ("gate", "up"))])
def test_the_scales_of_gated_units_leave_no_trace(
    gate: Callable[[Tensor], Tensor], free: tuple[str, ...], normed: bool
) -> None:
    torch.manual_seed(0)
    net = network(Gated(gate, normed).double(), rows(7))
    state = dict(net.state)
    for name in free:
        scale = torch.randn(9).double().mul(2).exp()
        state[f"{name}.weight"] = state[f"{name}.weight"] * scale[:, None]
        state[f"{name}.bias"] = state[f"{name}.bias"] * scale
        state["down.weight"] = state["down.weight"] / scale
    moved = net.with_state(state)
    assert changed(net, moved) <= 1e-12
    one, other = canonical(net), canonical(moved)
    assert changed(net, other.network) <= 1e-12
    if normed:
        assert apart(one.network, other.network) <= 1e-9
    else:  # a stream that nothing normalises may be turned
        sizes = [form.network.state["up.weight"].norm(dim=1) for form in (one, other)]
        assert torch.allclose(*sizes, rtol=1e-5)
    assert {r.tensor for r in other.folded if r.part == "scales"} == {f"{name}.weight" for name in free}
    again = canonical(one.network, one.symmetry)
    assert again.folded == ()
    assert apart(one.network, again.network) <= (1e-9 if normed else 1e-4)


def test_badly_scaled_units_of_a_deep_network_are_balanced_wherever_they_started() -> None:
    torch.manual_seed(0)
    layers = [part for _ in range(12) for part in (nn.Linear(24, 24), nn.ReLU())]
    net = network(nn.Sequential(nn.Linear(7, 24), nn.ReLU(), *layers, nn.Linear(24, 3)).double(), rows(7))
    found = symmetry(net)
    rng = np.random.default_rng(0)
    scales = {name: np.diag(np.exp(2 * rng.standard_normal(group.size))) for name, group in found.groups.items()}
    moved = net.with_state(move(net.state, found, scales))
    even = balanced(moved, found)
    assert apart(balanced(net, found), even) <= 1e-9
    for group in found.groups:
        writes, reads = sides(even.state, found, group)
        assert torch.allclose(writes.square().sum(2), reads.square().sum(2), rtol=1e-8)


class DependsOnData(nn.Module):
    """A graph that no trace can tell, though units are only passed through ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(7, 9), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.one(x))
        return self.two(float(x.abs().sum()) * y)


def test_a_declared_class_is_balanced_without_a_trace() -> None:
    torch.manual_seed(0)
    net = network(DependsOnData().double(), rows(7))
    with pytest.raises(TraceError):
        canonical(net)
    form = canonical(net, declare(net, "one.weight (unit, 7)\none.bias (unit)\ntwo.weight (5, unit)\nscaled: unit\n"))
    assert form.error <= 1e-12
    assert [str(r) for r in form.folded] == ["unit: scales balanced between one.weight, one.bias, two.weight"]
