"""Incoming weights of units: every architecture, every slot, and the metric of the data."""

from functools import cache

import numpy as np
import pytest
import torch
from planted import difference, planted, random_data
from torch import nn
from zoo import ZOO

from lmc_core.alignment.moments import input_moments
from lmc_core.diagnostics.labels import labels, places
from lmc_core.diagnostics.units import positions, reads_groups, root, unit_weights
from lmc_core.errors import InputError
from lmc_core.figures.sheet import short
from lmc_core.networks.network import network
from lmc_core.symmetry.axis import Fixed, Group, Product, Sum
from lmc_core.symmetry.infer import symmetry


@cache
def member(name):
    torch.manual_seed(0)
    net = network(*ZOO[name]())
    return net, symmetry(net, verify=False)


@pytest.mark.parametrize("name", ZOO)
def test_each_unit_carries_its_weights_along_when_units_are_re_ordered(name):
    net, found = member(name)
    problem = planted(net, found, seed=3)
    assert difference(problem.moved.state, net.state) > 1e-3
    for group, perm in problem.perms.items():
        ours, theirs = (np.linalg.norm(unit_weights(n, found, group), axis=1) for n in (net, problem.moved))
        if perm.ndim == 1:
            np.testing.assert_allclose(theirs[perm], ours, rtol=1e-12)
        np.testing.assert_allclose(np.sort(theirs), np.sort(ours), rtol=1e-12)
        assert np.ptp(ours) > 0


@pytest.mark.parametrize("name", ["mlp", "depthwise_grouped", "unet_cat_skip", "gru2", "gpt_tied_sdpa"])
def test_the_metric_of_the_data_fits_every_kind_of_weight(name):
    net, found = member(name)
    moments = input_moments(net, found, random_data(net).x_train)
    for group in found.groups:
        plain, seen, centred = (
            unit_weights(net, found, group, **settings)
            for settings in ({}, {"moments": moments}, {"moments": moments, "centred": True})
        )
        assert plain.shape == seen.shape == centred.shape
        assert np.linalg.norm(centred) <= np.linalg.norm(seen) * (1 + 1e-9)


def test_distances_as_the_data_sees_them_are_those_of_pre_activations():
    rng = np.random.default_rng(0)
    layer = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    net = network(layer, torch.zeros(4, 6, dtype=torch.float64))
    found = symmetry(net, verify=False)
    x = rng.normal(size=(40, 6)) + 0.5
    (group,) = found.groups
    rows = unit_weights(net, found, group, input_moments(net, found, x))
    made = x @ layer[0].weight.detach().numpy().T
    wanted = np.sqrt(((made[:, :, None] - made[:, None, :]) ** 2).mean(0))
    np.testing.assert_allclose(np.linalg.norm(rows[:, None] - rows[None], axis=2), wanted, rtol=1e-9, atol=1e-12)


def test_all_four_gates_of_an_lstm_count():
    net, found = member("lstm2")
    name = next(n for n in net.state if "weight_hh_l0" in n)
    hidden, inputs = net.state[name].shape[1], net.state[name.replace("hh", "ih")].shape[1]
    (group,) = (g for g in found.groups if (name, 1) in found.slots(g))
    assert unit_weights(net, found, group).shape == (hidden, 4 * inputs + 4 * hidden)


def test_a_nested_group_has_its_units_outer_by_inner():
    groups = {"head": Group("head", 2), "dim": Group("dim", 3, within="head")}
    axis = Sum((Product((groups["head"], groups["dim"])), Product((groups["head"], groups["dim"]))))
    np.testing.assert_array_equal(positions(axis, groups, "dim"), np.arange(6)[:, None] + [0, 6])
    np.testing.assert_array_equal(positions(axis, groups, "head"), [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]])


def test_units_nested_twice_are_counted_through_all_outer_groups():
    groups = {"kv": Group("kv", 2), "rep": Group("rep", 2, within="kv"), "dim": Group("dim", 3, within="rep")}
    axis = Product(tuple(groups.values()))
    np.testing.assert_array_equal(positions(axis, groups, "dim")[:, 0], np.arange(12))
    np.testing.assert_array_equal(positions(axis, groups, "rep"), np.arange(12).reshape(4, 3))


def test_a_channel_of_a_flattened_image_owns_all_its_pixels():
    groups = {"c": Group("c", 3)}
    np.testing.assert_array_equal(positions(Product((groups["c"], Fixed(4))), groups, "c"), np.arange(12).reshape(3, 4))


@pytest.mark.parametrize("rank", [5, 2])
def test_a_root_gives_back_the_moment_even_where_it_is_singular(rank):
    rows = np.random.default_rng(1).normal(size=(rank, 5))
    factor = root(rows.T @ rows)
    np.testing.assert_allclose(factor @ factor.T, rows.T @ rows, atol=1e-8)


def test_an_unknown_group_is_an_error_that_lists_the_known_ones():
    net, found = member("mlp")
    with pytest.raises(InputError, match=next(iter(found.groups))):
        unit_weights(net, found, "nothing")


def test_only_the_first_layer_reads_what_cannot_be_re_ordered():
    _, found = member("mlp")
    assert [reads_groups(found, group) for group in found.groups] == [False] + [True] * (len(found.groups) - 1)


def test_a_chain_of_layers_is_numbered_and_elsewhere_labels_say_where_a_group_stands():
    _, chain = member("mlp")
    assert list(labels(chain).values()) == [f"layer {k}" for k in range(1, len(chain.groups) + 1)]
    _, stream = member("resnet_bn")
    assert len(set(labels(stream).values())) == len(stream.groups)
    assert places(["conv1", "layer2.0.conv1", "layer2.1.conv1"]) == {
        "conv1": "conv1",
        "layer2.0.conv1": "stage 2 · block 1 · conv1",
        "layer2.1.conv1": "stage 2 · block 2 · conv1",
    }
    assert list(places(["embed", "blocks.0.attn.qk", "blocks.0.mlp.fc1"]).values()) == [
        *("embed", "block 1 · qk", "block 1 · fc1"),
    ]
    assert list(places(["a.0.x.w", "a.0.y.w", "features.3"]).values()) == ["a 1 · x · w", "a 1 · y · w", "features.3"]


def test_labels_beside_an_axis_stay_unlike_each_other():
    names = [f"layer{stage}.{block}.conv{k}" for stage in (1, 2, 3) for block in range(9) for k in (1, 2)]
    assert len({short(label) for label in places(names).values()}) == len(names)


@pytest.mark.parametrize("name", ZOO)
def test_no_two_groups_have_one_label(name):
    _, found = member(name)
    assert len(set(labels(found).values())) == len(found.groups)
