"""Mixtures of experts are matched: planted orders of experts come back, with the units within and outside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixed import EXPERTS, NETS, Mixture, added, net_of, stacked
from planted import noisy
from torch import Tensor, nn

from lmc_core.alignment.alignment import Alignment
from lmc_core.alignment.heads import attention_groups
from lmc_core.alignment.template import canonical_pair
from lmc_core.diagnostics.diagnose import diagnose
from lmc_core.errors import InputError
from lmc_core.fusion.fuse import fusion
from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.runs.work.facts import symmetry_facts
from lmc_core.symmetry.evidence import unbranched
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import composed, move, random_elements
from lmc_core.symmetry.permute import compose, identity, permute, random_permutations
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import random_inputs
from lmc_core.words.inspect import groups_alt
from pages._show.path.symmetry import groups

NOISE = 0.1


def shuffled(net: Network, found: Symmetry, seed: int) -> tuple[Network, dict[str, np.ndarray]]:
    """A noisy copy with all its units and branches re-ordered, and the orders."""
    rng = np.random.default_rng(seed)
    orders = random_permutations(found, rng)
    return net.with_state(permute(noisy(net, NOISE, rng).state, found, orders)), orders


def barrier(a: Network, b: Network, inputs: tuple[Tensor, ...]) -> float:
    """Of the cross-entropy with what A and B say together as labels: max over t of L(t) above the line between ends."""
    labels = (tensors(a(*inputs))[0] + tensors(b(*inputs))[0]).flatten(0, -2).argmax(-1)

    def loss(t: float) -> float:
        state = {name: (1 - t) * x + t * b.state[name] for name, x in a.state.items()}
        return float(nn.functional.cross_entropy(tensors(a.with_state(state)(*inputs))[0].flatten(0, -2), labels))

    ends = loss(0.0), loss(1.0)
    return max(loss(t) - (1 - t) * ends[0] - t * ends[1] for t in np.linspace(0, 1, 11))


@pytest.mark.parametrize("name", NETS)
def test_weight_matching_restores_planted_branches_and_all_their_units(name: str) -> None:
    net = NETS[name]()
    found = symmetry(net)
    b, orders = shuffled(net, found, 0)
    alignment = align(net, b, "weight-matching", symmetry=found)
    left = compose(orders, {n: coupling.element for n, coupling in alignment.couplings.items()}, found)
    for group, still in identity(found).items():
        np.testing.assert_array_equal(left[group], still)
    assert alignment.function_error is not None
    assert alignment.function_error < 1e-12
    inputs = random_inputs(net, np.random.default_rng(0))
    back = alignment.transport(b)
    assert barrier(net, back, inputs) <= max(1e-3, 0.02 * barrier(net, b, inputs))
    assert any("branches" in note for note in alignment.notes)


def elements_left(found: Alignment, planted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    reached = {name: coupling.element for name, coupling in found.couplings.items()}
    orders = {name: np.abs(x).argmax(-1) if x.dtype.kind == "f" else x for name, x in planted.items()}
    return composed({**identity(found.symmetry), **orders}, reached, found.symmetry)


@pytest.mark.parametrize("seed", range(2))
def test_full_symmetry_matching_restores_experts_behind_scales_signs_and_a_shift_of_their_gates(seed: int) -> None:
    net = net_of(Mixture(added))
    found, rng = symmetry(net), np.random.default_rng(seed)
    elements = random_elements(found, rng)
    near = noisy(net, NOISE, rng)
    router = near.state["router.weight"] + torch.as_tensor(rng.normal(size=(1, near.state["router.weight"].shape[1])))
    near = near.with_state({**near.state, "router.weight": router})
    alignment = align(net, near.with_state(move(near.state, found, elements)), "full-symmetry-matching")
    assert alignment.function_error is not None
    assert alignment.function_error < 1e-10
    left = elements_left(alignment, elements)
    for name, group in found.groups.items():
        if name in found.branches or group.kind == "scaled":
            np.testing.assert_array_equal(left[name], identity(found)[name])


class Deep(nn.Module):
    """Two layers of experts, each of two hidden layers, on a stream of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = Mixture(added, 4), Mixture(stacked, 3)
        for mixture in (self.one, self.two):
            for k in range(len(mixture.experts)):
                mixture.experts[k] = nn.Sequential(
                    nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 6, bias=False)
                )
        self.between = nn.Linear(3, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(torch.tanh(self.between(self.one(x))))


@pytest.mark.parametrize("seed", range(3))
def test_experts_of_several_layers_in_several_layers_of_experts_come_back(seed: int) -> None:
    net = net_of(Deep())
    found = symmetry(net)
    b, orders = shuffled(net, found, seed)
    alignment = align(net, b, "weight-matching", symmetry=found)
    left = compose(orders, {n: coupling.element for n, coupling in alignment.couplings.items()}, found)
    for group, still in identity(found).items():
        np.testing.assert_array_equal(left[group], still)


@pytest.mark.parametrize("seed", range(3))
def test_networks_that_share_nothing_are_no_less_alike_with_their_experts_in_order_than_in_place(seed: int) -> None:
    """Σ <A, T(B, P)> of weight matching, which sees the same networks with and without the group of experts."""
    net = net_of(Mixture(added))
    rng = np.random.default_rng(seed)
    other = net.with_state(
        {name: torch.as_tensor(rng.normal(size=x.shape, scale=0.6)) for name, x in net.state.items()}
    )
    found = symmetry(net)
    ordered = align(net, other, "weight-matching", symmetry=found)
    in_place = align(net, other, "weight-matching", symmetry=unbranched(found))
    assert ordered.history[-1] >= in_place.history[-1]


def test_a_soft_method_keeps_whole_experts_apart() -> None:
    """Experts are put into one order and never mixed; units within and outside them may be."""
    net = net_of(Mixture(added))
    found = symmetry(net)
    b, orders = shuffled(net, found, 1)
    alignment = align(net, b, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=0.05)
    assert alignment.couplings["experts"].is_hard
    assert any(not coupling.is_hard for coupling in alignment.couplings.values())
    np.testing.assert_array_equal(orders["experts"][alignment.couplings["experts"].perm], np.arange(EXPERTS))
    assert relative_error(tensors(net(*net.example_inputs)), alignment.transport(b)(*net.example_inputs)) < 1


def test_the_straight_line_leaves_experts_where_they_are() -> None:
    net = net_of(Mixture(added))
    b, _ = shuffled(net, symmetry(net), 2)
    alignment = align(net, b, "identity")
    assert all(coupling.is_identity for coupling in alignment.couplings.values())


def test_experts_of_one_order_are_left_alone() -> None:
    net = net_of(Mixture(added))
    near = noisy(net, NOISE, np.random.default_rng(0))
    alignment = align(net, near, "weight-matching")
    assert alignment.couplings["experts"].is_identity
    assert not any("branches" in note for note in alignment.notes)


@pytest.mark.parametrize("method", ["wasserstein-barycenter", "merge-many", "full-symmetry-merge"])
def test_fused_mixtures_have_the_experts_of_all_in_one_order(method: str) -> None:
    net = net_of(Mixture(added))
    found = symmetry(net)
    copies = [shuffled(net, found, seed)[0] for seed in (3, 4)]
    made = fusion([net, *copies], method)
    inputs = random_inputs(net, np.random.default_rng(0))
    assert relative_error(tensors(net(*inputs)), made.network(*inputs)) < 0.25
    assert max(made.function_errors) < 1e-8
    assert any("branches" in note for note in made.notes)
    plain = fusion([net, *copies], "vanilla-average")
    assert relative_error(tensors(net(*inputs)), plain.network(*inputs)) > 0.25


def test_what_is_said_of_experts_names_their_tensors_and_the_rows_of_the_router() -> None:
    facts = symmetry_facts(symmetry(net_of(Mixture(added))))
    shown = groups(facts, {})
    written = dict(zip(shown["group"], shown["written by"], strict=True))
    assert "router.weight rows" in str(written["experts"])
    assert "experts.4.down.weight" in str(written["experts"])
    assert "experts" in groups_alt(facts)


@pytest.mark.parametrize("name", ["a weighted sum", "a plain sum", "heads side by side"])
def test_a_pair_with_branches_is_drawn_with_those_of_b_in_the_order_of_a(name: str) -> None:
    net = NETS[name]()
    found = symmetry(net)
    b, _ = shuffled(net, found, 5)
    alignment = align(net, b, "weight-matching", symmetry=found)
    seen = diagnose(net, b, alignment.transport(b), alignment, data=None, t=np.linspace(0, 1, 5), thorough=True)
    assert set(seen.matching) == found.groups.keys() - found.branches.keys()
    assert all(matching.after.mean < 0.5 * matching.before.mean for matching in seen.matching.values())
    assert any("order of A's" in note for note in seen.notes)


class Weighed(nn.Module):
    """Experts in stacked tensors, mixed by a router whose softmax is over the experts, on a stream with a ReLU."""

    def __init__(self, seed: int, named: bool = False) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.enter, self.router, self.leave = nn.Linear(7, 12), nn.Linear(12, 4), nn.Linear(12, 3)
        self.up, self.down = (nn.Parameter(0.3 * torch.randn(4, *shape)) for shape in ((12, 9), (9, 12)))
        self.named = named

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x))
        shares = torch.softmax(self.router(x), dim=1) if self.named else self.router(x).softmax(-1)
        each = torch.einsum("beh,ehd->bed", torch.einsum("bd,edh->beh", x, self.up).relu(), self.down)
        return self.leave(x + (shares[..., None] * each).sum(1))


@pytest.mark.parametrize("named", [False, True])
def test_experts_that_a_softmax_weighs_against_each_other_are_no_attention_heads(named: bool) -> None:
    net = network(Weighed(0, named), (torch.randn(2, 7),)).to(dtype=torch.float64)
    found = symmetry(net)
    assert any(found.children(name) for name in found.groups)
    assert not attention_groups(net, found)
    with pytest.raises(InputError, match="no attention heads"):
        align(net, net, "head-matching", symmetry=found)


@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_turns_full_symmetry_matching_is_weight_matching_of_canonical_forms(seed: int) -> None:
    a, b = (network(Weighed(2 * seed + k), (torch.randn(2, 7),)).to(dtype=torch.float64) for k in range(2))
    forms = canonical_pair(a, b)
    whole, orders = align(a, b, "full-symmetry-matching", seed=seed), align(*forms[:2], "weight-matching", seed=seed)
    assert len(whole.spread) == len(orders.spread) == 3
    assert whole.history[-1] >= 0.97 * orders.history[-1]
