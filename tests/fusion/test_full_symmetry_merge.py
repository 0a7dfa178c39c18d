"""Models turned into one frame by all that their symmetry allows: planted frames come back, and transformers fuse."""

from functools import cache

import numpy as np
import pytest
import torch
from canonical_forms import formed
from planted import noisy, random_data
from zoo.transformers import TRANSFORMERS

from lmc_core.data.registry import dataset
from lmc_core.errors import MismatchError
from lmc_core.fusion.frame import mean
from lmc_core.fusion.fuse import fusion
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import network
from lmc_core.symmetry.canonical.canonical import canonical
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


def test_streams_of_different_widths_are_refused_in_a_sentence_that_says_why():
    with pytest.raises(MismatchError, match="needs equal widths, as what turns a frame is an invertible square matrix"):
        fusion([vits()[0], wider(width=48)], "full-symmetry-merge")


def test_networks_of_different_widths_in_canonical_form_say_that_they_were_not_turned():
    result = fusion([vits()[0], wider(width=48)], "wasserstein-barycenter", canonical=True)
    assert any("not turned into one frame" in note for note in result.notes)
