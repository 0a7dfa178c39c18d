"""Models turned into one frame by all that their symmetry allows: planted frames come back, and transformers fuse."""

from functools import cache

import numpy as np
import pytest
import torch
from canonical_forms import formed
from planted import noisy, random_data
from torch import nn
from zoo.transformers import TRANSFORMERS

from lmc_core.alignment.template import Template, canonical_forms
from lmc_core.data.registry import dataset
from lmc_core.errors import MismatchError
from lmc_core.fusion.frame import mean
from lmc_core.fusion.fuse import fusion
from lmc_core.fusion.widen import widened
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import network
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.infer import symmetry as symmetry_of
from lmc_core.symmetry.move import composed, inverted, move, random_elements
from lmc_core.training.finetune import measure

NOISE = 0.1


def size(state):
    return sum(float(x.double().square().sum()) for x in state.values() if x.is_floating_point()) ** 0.5


def apart(one, other):
    return size({name: x - other[name] for name, x in one.items() if x.is_floating_point()})


@cache
def vits():
    return [load(f"checkpoints/digits-vit/seed{seed}.safetensors") for seed in range(3)]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_elements_compose_and_are_undone(name):
    form = formed(name)
    rng = np.random.default_rng(0)
    first, second = (random_elements(form.symmetry, rng) for _ in range(2))
    state = form.network.state
    twice = move(move(state, form.symmetry, first), form.symmetry, second)
    once = move(state, form.symmetry, composed(first, second, form.symmetry))
    back = move(twice, form.symmetry, inverted(composed(first, second, form.symmetry), form.symmetry))
    assert apart(once, twice) < 1e-9 * size(twice)
    assert apart(back, state) < 1e-9 * size(state)


@pytest.mark.parametrize("compare", ["weights", "responses"])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_planted_frames_of_three_copies_come_back(name, compare):
    """The mean is as far from the first as that of the copies before they moved; every copy keeps its function."""
    form, data = formed(name), random_data(formed(name).network)
    for seed, noise in ((1, 0.0), (2, NOISE)):
        rng = np.random.default_rng(seed)
        near = [form.network, *(noisy(form.network, noise, rng) for _ in range(2))]
        drawn = (random_elements(form.symmetry, rng) for _ in near[1:])
        moved = [n.with_state(move(n.state, form.symmetry, g)) for n, g in zip(near[1:], drawn, strict=True)]
        result = fusion([form.network, *moved], "full-symmetry-merge", data=data, compare=compare)
        first, *others = (canonical(net).network.state for net in near)
        plain = mean([first, *others], [1 / 3] * 3)
        assert max(result.function_errors) < 1e-12
        assert apart(first, result.network.state) <= 1.4 * apart(first, plain) + 1e-3 * size(first)


@pytest.mark.parametrize("compare", ["weights", "responses"])
def test_trained_transformers_fuse_better_than_by_orders(compare):
    data = dataset("digits")
    result = fusion(vits(), "full-symmetry-merge", data=data, compare=compare)
    orders = fusion(vits(), "merge-many")
    mine, theirs = (measure(found.network, data, ["test"])["test"] for found in (result, orders))
    assert mine["loss"] < theirs["loss"]
    assert mine["accuracy"] > theirs["accuracy"] + 0.2
    assert max(result.function_errors) < 1e-5
    assert result.history[-1] < result.history[0]


def test_a_fused_transformer_keeps_architecture_and_names(tmp_path):
    result = fusion(vits(), "full-symmetry-merge")
    assert {n: x.shape for n, x in result.network.state.items()} == {n: x.shape for n, x in vits()[0].state.items()}
    result.network.save(str(tmp_path / "fused.safetensors"))
    again = load(str(tmp_path / "fused.safetensors"))
    assert again.architecture == vits()[0].architecture
    x = again.example_inputs[0]
    torch.testing.assert_close(again(x), result.network(x))


def test_repair_of_turned_networks_takes_statistics_where_they_were_turned_to():
    data = dataset("digits")
    plain, repaired = (fusion(vits(), "full-symmetry-merge", data=data, recalibrate=how) for how in (None, "repair"))
    assert (
        measure(repaired.network, data, ["test"])["test"]["accuracy"]
        > 0.9 * (measure(plain.network, data, ["test"])["test"]["accuracy"])
    )


def test_methods_that_only_order_units_gain_from_canonical_form():
    data = dataset("digits")
    losses = {}
    for form in (False, True):
        result = fusion(vits(), "wasserstein-barycenter", data=data, canonical=form)
        losses[form] = measure(result.network, data, ["test"])["test"]["loss"]
        assert max(result.function_errors) < 1e-5
        assert any("canonical form" in note for note in result.notes) == form
    assert losses[True] < losses[False]


def wider(**options):
    found = architecture("transformer", **{**vits()[0].architecture.options, **options})
    torch.manual_seed(0)
    return network(build(found), example_inputs(found), architecture=found)


class Reads(nn.Module):
    """Attention and a hidden layer on a stream with a norm before each; heads of four units."""

    def __init__(self, norm, width, heads, hidden, seen=False):
        super().__init__()
        self.seen = seen
        self.heads, self.enter, self.leave = heads, nn.Linear(7, width), nn.Linear(width, 5)
        self.qkv, self.o = nn.Linear(width, 12 * heads), nn.Linear(4 * heads, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norms = nn.ModuleList([norm(width) for _ in range(3)])

    def forward(self, x):
        x = self.enter(x)
        q, k, v = (z.unflatten(-1, (self.heads, 4)).transpose(1, 2) for z in self.qkv(self.norms[0](x)).chunk(3, -1))
        a = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.o(a.transpose(1, 2).flatten(2))
        x = x + self.down(nn.functional.gelu(self.up(self.norms[1](x))))
        y = self.norms[2](x)
        return self.leave(y) + y.square().mean() if self.seen else self.leave(y)


class Length(nn.Module):
    """Values over their length: no mean, so that its size depends on nothing but the values."""

    def __init__(self, width):
        super().__init__()

    def forward(self, x):
        return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def reading(norm, width, heads=2, hidden=9, seed=0, seen=False):
    torch.manual_seed(seed)
    module = Reads(norm, width, heads, hidden, seen).double()
    for x in module.parameters():
        nn.init.normal_(x, std=0.5)
    return network(module, (torch.randn(2, 6, 7).double(),))


def carried(narrow, wide):
    """The narrow network in canonical form, and in the widths of the other."""
    forms, found = canonical_forms([wide, narrow])
    frame = Template(found[0], forms[0].network)
    return forms[1].network, widened(forms[1].network, found[1], frame), frame.symmetry


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
@pytest.mark.parametrize(("width", "heads", "hidden"), [(12, 2, 9), (20, 3, 9), (8, 2, 14), (20, 4, 14)])
def test_a_network_in_wider_streams_heads_and_hidden_layers_is_the_same_function(norm, width, heads, hidden):
    narrow, wide, symmetry = carried(reading(norm, 8), reading(norm, width, heads, hidden, seed=1))
    x = torch.randn(4, 6, 7, generator=torch.Generator().manual_seed(3)).double()
    assert wide.state["enter.weight"].shape == (width, 7)
    torch.testing.assert_close(wide(x), narrow(x), rtol=1e-9, atol=1e-9)
    turned = wide.with_state(move(wide.state, symmetry, random_elements(symmetry, np.random.default_rng(1))))
    torch.testing.assert_close(turned(x), narrow(x), rtol=1e-8, atol=1e-8)


def test_a_network_in_heads_of_another_size_is_the_same_function():
    narrow, wide, symmetry = carried(*(net.to(dtype=torch.float64) for net in (vits()[0], wider(width=48))))
    assert symmetry.groups["blocks.0.attn.qk"].size == 12 > symmetry_of(narrow).groups["blocks.0.attn.qk"].size
    x = torch.as_tensor(dataset("digits").x_test[:50]).double()
    torch.testing.assert_close(wide(x), narrow(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("compare", ["weights", "responses"])
def test_two_planted_copies_of_different_widths_fuse_into_what_they_are(compare):
    """A is B in half as many units again, moved by random elements of all classes, with a little noise."""
    data, narrow = dataset("digits"), vits()[0]
    options = narrow.architecture.options
    wide = wider(width=options["width"] * 3 // 2, heads=options["heads"] * 3 // 2)
    _, copy, symmetry = carried(narrow, wide)
    rng = np.random.default_rng(2)
    near = noisy(copy, 0.05, rng)
    a = near.with_state(move(near.state, symmetry, random_elements(symmetry, rng)))
    result = fusion([a, narrow], "full-symmetry-merge", data=data, compare=compare)
    assert max(result.function_errors) < 1e-4
    assert any("carried into the widths" in note for note in result.notes)
    assert [each["embed"] for each in result.widths] == [options["width"] * 3 // 2, options["width"]]
    alone, fused = (measure(net, data, ["test"])["test"]["accuracy"] for net in (narrow, result.network))
    assert fused >= alone - 0.01
    assert {n: x.shape for n, x in result.network.state.items()} == {n: x.shape for n, x in a.state.items()}


@pytest.mark.parametrize(
    ("wide", "narrow", "match"),
    [
        (lambda: reading(nn.RMSNorm, 8), lambda: reading(nn.RMSNorm, 12), "put the widest first"),
        (lambda: reading(Length, 12), lambda: reading(Length, 8), "without another function"),
        (lambda: reading(nn.LayerNorm, 8, seen=True), lambda: reading(nn.LayerNorm, 6, seen=True), "another function"),
    ],
    ids=["wider than the fused one", "lengths", "gains that cannot be folded"],
)
def test_what_cannot_be_carried_into_other_widths_is_refused_in_a_sentence(wide, narrow, match):
    with pytest.raises(MismatchError, match=match):
        fusion([wide(), narrow()], "full-symmetry-merge")


def test_networks_of_different_widths_in_canonical_form_say_that_they_were_not_turned():
    result = fusion([vits()[0], wider(width=48)], "wasserstein-barycenter", canonical=True)
    assert any("not turned into one frame" in note for note in result.notes)
