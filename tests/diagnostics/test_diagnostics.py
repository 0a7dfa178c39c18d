"""Dimension, cost, matching, feature connectivity, and all of them on a trained pair."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import planted, random_data
from torch import nn
from zoo import ZOO

from lmc_core.alignment.alignment import Alignment
from lmc_core.alignment.coupling import Coupling
from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics import units
from lmc_core.diagnostics.connectivity import connectivity
from lmc_core.diagnostics.cost import cost, transport_cost
from lmc_core.diagnostics.diagnose import diagnose
from lmc_core.diagnostics.dimension import spectrum
from lmc_core.diagnostics.matching import blocks, cosines, match
from lmc_core.diagnostics.projection import cloud
from lmc_core.diagnostics.units import root
from lmc_core.errors import SettingError
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.symmetry.declare import declare
from lmc_core.symmetry.infer import symmetry

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
T = np.linspace(0, 1, 5)


def gauss(n=200, d=30, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("directions", [1, 3, 7])
def test_the_dimension_of_equal_orthogonal_directions_is_their_number(directions):
    turn = np.linalg.qr(gauss(12, 12))[0]
    found = spectrum(np.repeat(turn[:directions], 4, axis=0))
    assert found.dimension == pytest.approx(directions)
    np.testing.assert_allclose(found.shares[:directions], 1 / directions, rtol=1e-5)
    assert found.shares[directions:].sum() < 1e-6


def test_the_dimension_does_not_see_a_rotation_or_a_scale():
    rows, turn = gauss(), np.linalg.qr(gauss(30, 30, 1))[0]
    assert spectrum(7 * rows @ turn).dimension == pytest.approx(spectrum(rows).dimension)


def test_no_weights_have_no_dimension():
    assert spectrum(np.zeros((4, 3))).dimension == 0


def test_transport_finds_the_planted_order_and_no_order_is_cheaper():
    a = gauss(40)
    shuffled = a[np.random.default_rng(1).permutation(40)]
    found = cost(a, shuffled, a + 0.01 * gauss(40, seed=2))
    assert transport_cost(a, shuffled) == 0
    assert found.best is not None
    assert found.best <= found.after < found.before
    assert found.after == pytest.approx(0.01**2 * 30, rel=0.2)


def test_transport_cost_of_large_groups_is_left_out_and_said_to_be():
    assert cost(gauss(20), gauss(20, seed=1), gauss(20), limit=10).best is None


def test_blocks_average_and_keep_the_mean():
    matrix = gauss(128, 128)
    small = blocks(matrix)
    assert small.shape == (64, 64)
    assert small[3, 5] == pytest.approx(matrix[6:8, 10:12].mean())
    assert small.mean() == pytest.approx(matrix.mean())
    assert blocks(gauss(10, 10)).shape == (10, 10)
    assert blocks(gauss(100, 100)).shape == (64, 64)


def test_cosines_are_taken_from_the_mean_over_all_directions():
    a = gauss() + 100
    found = cosines(a, a)
    np.testing.assert_allclose(np.diagonal(found), 1)
    assert np.abs(found - np.eye(200)).mean() < 0.2
    np.testing.assert_array_equal(cosines(np.ones((3, 4)), gauss(3, 4)), 0)


def test_good_partners_show_on_the_diagonal_and_strangers_do_not():
    a = gauss()
    good = match([a, gauss(seed=1), a + 0.3 * gauss(seed=2)], None, group="g", label="layer 1")
    assert good.after.cosine > 0.9 > 0.1 > abs(good.before.cosine)
    assert np.diagonal(good.after.similarity).mean() > np.diagonal(good.before.similarity).mean() + 0.2
    assert good.after.mean < good.before.mean
    assert good.before.counts.sum() == good.after.counts.sum() == 200
    assert good.metric == "weights"
    assert good.seen is None


def small(*, bias=False, activation=nn.ReLU):
    torch.manual_seed(0)
    layers = [nn.Linear(6, 16, bias=bias), activation(), nn.Linear(16, 16, bias=bias), activation(), nn.Linear(16, 3)]
    net = network(nn.Sequential(*layers).double(), torch.zeros(2, 6, dtype=torch.float64))
    return net, symmetry(net, verify=False)


def test_features_of_a_network_with_itself_are_perfectly_connected():
    net, found = small()
    x = np.random.default_rng(0).normal(size=(64, 6))
    (same,) = connectivity(net, [net], found, x, points=5)
    for one in same.values():
        np.testing.assert_allclose(one.cosine, 1, rtol=1e-6)
        assert one.signal == pytest.approx(1)


def test_a_linear_layer_averages_features_exactly_and_relu_does_not():
    net, found = small(activation=nn.Identity)
    other = net.with_state({name: torch.randn_like(x) for name, x in net.state.items()})
    x = np.random.default_rng(0).normal(size=(64, 6))
    first, second = connectivity(net, [other], found, x, points=5)[0].values()
    np.testing.assert_allclose(first.cosine, 1, rtol=1e-6)  # one layer of weights is linear in t
    assert second.cosine.min() < 0.99  # a product of two is not


def test_the_signal_is_the_variance_of_pre_activations_half_way():
    net, found = small()
    other = net.with_state({name: torch.randn_like(x) for name, x in net.state.items()})
    x = np.random.default_rng(0).normal(size=(256, 6))
    measured = connectivity(net, [other], found, x, points=3)[0]
    name = next(iter(net.state))
    a, b = (torch.as_tensor(x) @ n.state[name].T for n in (net, other))
    wanted = ((a + b) / 2).var(0, correction=0).mean() / ((a.var(0, correction=0) + b.var(0, correction=0)) / 2).mean()
    assert next(iter(measured.values())).signal == pytest.approx(float(wanted), rel=1e-6)


@cache
def trained():
    a, b = (load(CHECKPOINTS / "digits-mlp-128" / f"seed{k}.safetensors") for k in (0, 1))
    from lmc_core.data.registry import dataset

    data = dataset("digits")
    found = symmetry(a, verify=False)
    alignment = align(a, b, "activation-matching", data, symmetry=found)
    return a, b, alignment, data, diagnose(a, b, alignment.transport(b), alignment, data=data, t=T)


def test_on_a_trained_pair_every_measure_is_better_after_alignment():
    _, _, alignment, _, found = trained()
    assert {group for group, _ in found.clouds} == set(alignment.symmetry.groups) == set(found.matching)
    for group, layer in found.layers.items():
        before, after = layer.spread
        assert before == pytest.approx(0.5, abs=0.08)
        assert after > before + 0.15
        assert layer.after.cosine.min() > layer.before.cosine.min()
        assert layer.signal is not None
        assert layer.signal[1] > layer.signal[0]
        one = found.matching[group]
        assert one.after.mean < one.before.mean
        assert one.after.correlation > one.before.correlation + 0.3
        for metric in (one.plain, one.seen):
            assert metric.best <= metric.after * (1 + 1e-9)
            assert metric.after < metric.before
        assert 1 < layer.dimension.seen.dimension < layer.dimension.weights.dimension < layer.dimension.units


def test_cards_and_figure_tell_one_number():
    _, _, _, _, found = trained()
    for group, layer in found.layers.items():
        assert layer.spread == found.clouds[group, "pca-data"].halfway


def test_the_partners_named_in_the_cloud_are_those_of_the_coupling():
    _a, _b, alignment, _, found = trained()
    for group, coupling in alignment.couplings.items():
        one = found.clouds[group, "pca-weights"]
        np.testing.assert_array_equal(one.partner, coupling.perm[one.drawn])


def test_a_permuted_copy_matches_perfectly_in_every_diagnostic():
    a, _, _, data, _ = trained()
    found = symmetry(a, verify=False)
    moved = planted(a, found, seed=2).moved
    alignment = align(a, moved, "weight-matching", data, symmetry=found)
    seen = diagnose(a, moved, alignment.transport(moved), alignment, data=data, t=T)
    for group, layer in seen.layers.items():
        assert layer.spread[1] == pytest.approx(1, abs=1e-5)
        assert layer.after.cosine.min() > 1 - 1e-5
        assert seen.matching[group].cost.after == 0 == seen.matching[group].after.mean
        assert seen.matching[group].cost.before > 0


def test_without_data_distances_are_plain_and_nothing_is_said_about_features():
    a, b, alignment, _, _ = trained()
    found = diagnose(a, b, alignment.transport(b), alignment, data=None, t=T)
    assert {projection for _, projection in found.clouds} == {"pca-weights"}
    assert all(layer.before is None and layer.dimension.seen is None for layer in found.layers.values())
    assert all(one.metric == "weights" for one in found.matching.values())


def test_images_of_another_shape_than_the_network_reads_are_prepared():
    a, b, alignment, data, _ = trained()
    flat = Dataset("flat", *(x.reshape(len(x), -1) if x.ndim > 1 else x for x in _arrays(data)), data.classes)
    found = diagnose(a, b, alignment.transport(b), alignment, data=flat, t=T)
    assert all(layer.before is not None for layer in found.layers.values())


def _arrays(data):
    return data.x_train, data.y_train, data.x_test, data.y_test


@pytest.mark.parametrize("name", ZOO)
def test_every_architecture_can_be_diagnosed_and_drawn(name):
    torch.manual_seed(0)
    net = network(*ZOO[name]())
    found = symmetry(net, verify=False)
    moved = planted(net, found, seed=1)
    couplings = {group: Coupling(group, perm=perm) for group, perm in moved.perms.items()}
    alignment = Alignment(couplings, found, "planted")
    aligned = alignment.transport(moved.moved)
    seen = diagnose(net, moved.moved, aligned, alignment, data=random_data(net), t=T)
    assert set(seen.layers) == set(seen.matching) == set(found.groups)
    for group, layer in seen.layers.items():
        np.testing.assert_allclose(layer.spread[1], 1, atol=1e-5)
        assert seen.matching[group].plain.after < 1e-20
        assert (group, "pca-weights") in seen.clouds
        if layer.after is not None:
            np.testing.assert_allclose(layer.after.cosine, 1, atol=1e-5)
    figures = [matching_figure(seen.matching, next(iter(found.groups))), layers_figure(seen.layers)]
    assert all(len(figure.data) > 3 for figure in figures)


def test_a_declared_symmetry_has_clouds_of_plain_weights_only():
    net, _ = small()
    found = declare(net, "0.weight (h, 6)\n2.weight (k, h)\n4.weight (3, k)")
    same = Alignment({g: Coupling(g, perm=np.arange(16)) for g in ("h", "k")}, found, "identity")
    seen = diagnose(net, net, net, same, data=random_data(net), t=T)
    assert set(seen.clouds) == {("h", "pca-weights"), ("k", "pca-weights")}
    assert [seen.clouds[g, "pca-weights"].moved_inputs for g in "hk"] == [False, True]
    with pytest.raises(SettingError, match="not measured"):
        cloud(net, net, net, found, "h", t=T, moments=())


def test_the_web_process_reads_diagnostics_without_torch():
    code = (
        "import sys, lmc_core.diagnostics.values, lmc_core.diagnostics.projection, lmc_core.words.path\n"
        "bad = {'torch', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_the_spectrum_without_the_mean_is_that_of_the_covariance(shape):
    features = shape[1]
    rng = np.random.default_rng(5)
    weights, x = rng.normal(size=shape), rng.normal(size=(200, features)) + rng.normal(size=features)
    second, mean = x.T @ x / len(x), x.mean(0)
    seen, covered = (weights @ root(s) for s in (second, second - np.outer(mean, mean)))
    found, expected = spectrum(seen, (weights @ mean)[:, None]), spectrum(covered)
    assert found.dimension == pytest.approx(expected.dimension)
    np.testing.assert_allclose(found.shares[:10], expected.shares[:10], rtol=1e-5)


def test_wide_layers_measured_in_float32_are_those_of_float64(monkeypatch):
    a, b, alignment, data, exact = trained()
    monkeypatch.setattr(units, "EXACT", 0)
    found = diagnose(a, b, alignment.transport(b), alignment, data=data, t=T)
    for group, layer in exact.layers.items():
        one, other = found.layers[group], found.matching[group]
        assert one.dimension.centred.dimension == pytest.approx(layer.dimension.centred.dimension, rel=1e-4)
        assert one.spread == pytest.approx(layer.spread, rel=1e-5)
        assert other.seen.best == pytest.approx(exact.matching[group].seen.best, rel=1e-5)
        assert other.after.mean == pytest.approx(exact.matching[group].after.mean, rel=1e-5)
