"""Five measurements of the theory: each finds what was planted, and the ledger leaves nothing over."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from lmc_core.alignment.moments import input_moments
from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.diagnostics.exponent import exponent
from lmc_core.diagnostics.gap import function_gap
from lmc_core.diagnostics.gelbrich import gelbrich
from lmc_core.diagnostics.intrinsic import neighbour_dimension, subset_scaling
from lmc_core.diagnostics.law import law_ratio
from lmc_core.diagnostics.ledger import Ledger, ledger
from lmc_core.diagnostics.units import functions_of
from lmc_core.errors import InputError
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network
from lmc_core.symmetry.infer import symmetry

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
Rows = NDArray[np.float64]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset("digits")


@cache
def pair(name: str) -> tuple[Network, Network]:
    a, b = (load(CHECKPOINTS / name / f"seed{seed}.safetensors") for seed in (0, 1))
    return a, a.with_state(b.state)


def gaussian(d: int, rng: np.random.Generator) -> Rows:
    """512 units of a Gaussian law of dimension d, that lie anywhere among 64 features."""
    return rng.normal(size=(512, d)) @ np.linalg.qr(rng.normal(size=(64, d)))[0].T


def cube(d: int, rng: np.random.Generator, units: int = 512, features: int = 64) -> Rows:
    """Units of a law of dimension d: uniform on a cube that lies anywhere among the features."""
    frame = np.linalg.qr(rng.normal(size=(features, d)))[0]
    return rng.random((units, d)) @ frame.T


# ------------------------------------------------------------------------------------------------ units as functions


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn"])
def test_units_are_as_far_apart_as_what_they_compute(name: str, data: Dataset) -> None:
    a, b = pair(name)
    found, x = symmetry(a), data.x_train[:256]
    for group in found.groups:
        rows = functions_of((a, b), found, group, input_moments(a, found, x))
        (contraction,) = [c for c in found.contractions if c.weight == f"{group}.weight"]
        from lmc_core.graph.trace import trace

        read = trace(a, 256).run(a.state, (a.prepare(torch.from_numpy(x)),), watch=[contraction.input])[1]
        values = []
        for network in (a, b):
            weight, bias = (network.state[f"{group}.{part}"] for part in ("weight", "bias"))
            given = read[contraction.input]
            if weight.ndim == 4:
                made = torch.nn.functional.conv2d(given, weight, bias, contraction.options["stride"], "same")
                values.append(made.movedim(1, 0).flatten(1).double().numpy())
            else:
                values.append((given @ weight.T + bias).T.double().numpy())
        for i, j in ((0, 1), (3, 2)):
            expected = ((values[0][i] - values[1][j]) ** 2).mean()
            assert ((rows[0][i] - rows[1][j]) ** 2).sum() == pytest.approx(expected, rel=1e-3)


# ----------------------------------------------------------------------------------------------------- is it one law?


@pytest.mark.parametrize("d", [3, 12, 40])
def test_two_samples_of_one_law_have_ratio_one(d: int) -> None:
    rng = np.random.default_rng(d)
    scales = rng.random(d) + 0.2
    found = [law_ratio(*(rng.normal(size=(256, d)) * scales for _ in "AB"), rng=rng) for _ in range(24)]
    assert np.mean(np.asarray(found, float)) == pytest.approx(1.0, abs=0.03)
    assert np.std(np.asarray(found, float)) < 0.1


def test_another_mean_or_another_spread_is_another_law() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 256, 10))
    for other in (b + 2, 3 * b, b * np.linspace(0.2, 3, 10)):
        ratio = law_ratio(a, other, rng=rng)
        assert ratio is not None
        assert ratio > 1.2


def test_the_ratio_knows_neither_order_nor_basis() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 64, 6)) + np.array([[[0.0]], [[0.3]]])
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    first = law_ratio(a, b, rng=np.random.default_rng(0))
    assert law_ratio(a @ turn, b @ turn, rng=np.random.default_rng(0)) == pytest.approx(first)
    many = [law_ratio(a, b[rng.permutation(64)], rng=rng, draws=40) for _ in range(2)]
    assert many[0] == pytest.approx(many[1], rel=0.08)


def test_units_that_repeat_those_of_the_other_network_are_closer_than_one_law_would_have_them() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(256, 10))
    ratio = law_ratio(a, a[rng.permutation(256)], rng=rng)
    assert ratio is not None
    assert ratio < 0.8


def test_layers_of_equal_units_have_no_ratio_and_few_units_are_refused() -> None:
    rng = np.random.default_rng(0)
    assert law_ratio(np.ones((8, 3)), np.ones((8, 3)), rng=rng) is None
    with pytest.raises(InputError, match="at least 4"):
        law_ratio(np.ones((3, 3)), np.ones((8, 3)), rng=rng)
    with pytest.raises(InputError, match="one basis"):
        law_ratio(np.ones((8, 3)), np.ones((8, 4)), rng=rng)


# ------------------------------------------------------------------------------------- dimension without a width sweep


@pytest.mark.parametrize("d", [5, 6, 8])
def test_subsets_of_one_network_tell_the_dimension_of_its_law(d: int) -> None:
    rng = np.random.default_rng(d)
    line = subset_scaling("layer", gaussian(d, rng), rng=rng)
    assert line is not None
    assert line.dimension == pytest.approx(d, rel=0.2)
    assert line.widths.tolist() == [8, 16, 32, 64, 128, 256]


def test_a_large_dimension_is_read_too_low_from_a_few_hundred_units() -> None:
    rng = np.random.default_rng(0)
    line = subset_scaling("layer", gaussian(12, rng), rng=rng)
    assert line is not None
    assert line.dimension is not None
    assert 9 < line.dimension < 12


@pytest.mark.parametrize("d", [2, 5, 10])
def test_two_nearest_neighbours_tell_the_dimension_of_their_law(d: int) -> None:
    rng = np.random.default_rng(d)
    assert neighbour_dimension(cube(d, rng, 1024)) == pytest.approx(d, rel=0.2)


def test_a_dimension_does_not_depend_on_the_unit_of_length() -> None:
    rng = np.random.default_rng(0)
    rows = cube(7, rng, 128)
    lines = [subset_scaling("layer", k * rows, rng=np.random.default_rng(1)) for k in (1.0, 1e3)]
    assert lines[0] is not None
    assert lines[1] is not None
    assert lines[0].dimension == pytest.approx(lines[1].dimension)
    assert neighbour_dimension(rows) == pytest.approx(neighbour_dimension(1e3 * rows), rel=1e-6)


def test_too_few_units_tell_no_dimension() -> None:
    rng = np.random.default_rng(0)
    assert subset_scaling("layer", rng.normal(size=(31, 3)), rng=rng) is None
    assert subset_scaling("layer", np.ones((64, 3)), rng=rng) is None
    assert neighbour_dimension(np.ones((64, 3))) is None
    assert neighbour_dimension(rng.normal(size=(2, 3))) is None
    with pytest.raises(InputError, match="NaN or infinite"):
        neighbour_dimension(np.full((64, 3), np.nan))


# ------------------------------------------------------------------------------------------------------- law or luck


def test_the_cost_between_gaussian_units_and_their_symmetric_image_is_all_in_two_moments() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 8))
    half = rng.normal(size=(8, 8))
    b = (a @ (half @ half.T + 0.1 * np.eye(8)) + rng.normal(size=8))[rng.permutation(200)]
    found = gelbrich(a, b)
    assert found.share == pytest.approx(1.0, abs=1e-9)
    assert found.mean > 0
    assert found.covariance > 0


def test_independent_gaussian_units_come_to_a_share_of_one_as_they_grow_many() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for units in (16, 128, 1024):
        found = gelbrich(rng.normal(size=(units, 2)), rng.normal(size=(units, 2)) * [0.5, 2.0] + 1.0)
        shares.append(found.share or 0.0)
    assert shares == sorted(shares)
    assert shares[-1] > 0.95


def test_units_of_one_law_are_apart_by_luck_alone() -> None:
    rng = np.random.default_rng(0)
    found = gelbrich(*rng.normal(size=(2, 256, 20)))
    assert found.share is not None
    assert found.share < 0.1


@pytest.mark.parametrize(("units", "features"), [(5, 20), (40, 6), (12, 12)])
def test_both_moments_are_the_formula_of_gelbrich_and_never_exceed_the_cost(units: int, features: int) -> None:
    rng = np.random.default_rng(units)
    a = rng.normal(size=(units, features))
    b = rng.exponential(size=(units, features)) * rng.random(features)
    found = gelbrich(a, b)
    first, second = (np.cov(rows.T, bias=True) + 1e-12 * np.eye(features) for rows in (a, b))
    root = np.real(sqrtm(first))
    expected = np.trace(first + second - 2 * np.real(sqrtm(root @ second @ root)))
    assert found.covariance == pytest.approx(expected, rel=1e-4)
    assert found.mean == pytest.approx(((a.mean(0) - b.mean(0)) ** 2).sum())
    assert 0 < (found.share or 0) <= 1
    assert gelbrich(b, a).covariance == pytest.approx(found.covariance)


def test_a_layer_and_itself_have_nothing_to_split() -> None:
    a = np.zeros((6, 2))
    assert gelbrich(a, a).share is None
    with pytest.raises(InputError, match="one size"):
        gelbrich(a, np.zeros((5, 2)))


# ---------------------------------------------------------------------------------------------- ledger of the barrier


def booked(a: Network, b: Network, data: Dataset, t: float = 0.5) -> Ledger:
    return ledger(a, b, symmetry(a), data, t, train_examples=150, test_examples=150)


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn", "digits-lstm", "digits-vit"])
@pytest.mark.parametrize("t", [0.25, 0.5])
def test_the_ledger_sums_to_the_loss_above_the_chord(name: str, t: float, data: Dataset) -> None:
    a, b = pair(name)
    for end in (b, align(a, b, "weight-matching").transport(b)):
        found = booked(a, end, data, t)
        gap = function_gap(a, end, data, points=5, train_examples=150, test_examples=150)
        assert found.total == pytest.approx(gap.excess[int(4 * t)], abs=1e-5)
        assert found.saved <= 0
        assert all(entry.linear_defect >= 0 for entry in found.entries)


def test_the_ledger_also_closes_for_recalibrated_networks() -> None:
    a, b = pair("cifar10-resnet8")
    rng = np.random.default_rng(0)
    x, y = rng.random((96, 3, 32, 32), np.float32), rng.integers(10, size=96)
    noise = Dataset("noise", x[:64], y[:64], x[64:], y[64:], tuple("abcdefghij"))
    used = {"recalibrate": "bn-reset", "train_examples": 64, "test_examples": 64}
    gap = function_gap(a, b, noise, points=3, **used)  # type: ignore[arg-type]
    found = ledger(a, b, symmetry(a), noise, 0.5, **used)  # type: ignore[arg-type]
    assert found.total == pytest.approx(gap.excess[1], abs=1e-4)
    assert len({entry.layer for entry in found.entries}) == len(found.entries) == 10


def test_the_defects_are_those_of_the_definition(data: Dataset) -> None:
    a, b = pair("digits-mlp-32")
    t, x = 0.25, torch.from_numpy(data.x_test).flatten(1).double()
    found = ledger(a, b, symmetry(a), data, t, test_examples=None)
    read = [a.prepare(x).flatten(1), a.prepare(x).flatten(1)]
    for k, entry in enumerate(found.entries, 1):
        weights = [network.state[f"fc{k}.weight"].double() for network in (a, b)]
        made = [r @ w.T + n.state[f"fc{k}.bias"].double() for r, w, n in zip(read, weights, (a, b), strict=True)]
        mixed = (1 - t) * made[0] + t * made[1]
        defect = t * (1 - t) * (read[0] - read[1]) @ (weights[0] - weights[1]).T
        assert entry.linear_defect == pytest.approx(float((defect**2).sum() / (mixed**2).sum()), abs=1e-5)
        if k < len(found.entries):
            read = [torch.relu(z) for z in made]
            kept = (1 - t) * read[0] + t * read[1]
            share = ((torch.relu(mixed) - kept) ** 2).sum() / (kept**2).sum()
            assert entry.activation_defect == pytest.approx(float(share), abs=1e-5)


def test_only_the_layer_that_differs_and_those_after_it_are_to_blame(data: Dataset) -> None:
    a, b = pair("digits-mlp-32")
    names = {name for name in a.state if name.startswith("fc3")}
    found = booked(a, a.with_state({**a.state, **{name: b.state[name] for name in names}}), data)
    blamed = {entry.layer: abs(entry.linear) + abs(entry.activation) for entry in found.entries}
    assert blamed["fc1"] == pytest.approx(0, abs=1e-6)
    assert blamed["fc2"] == pytest.approx(0, abs=1e-6)
    assert blamed["fc3"] > 0.01
    # before fc3 both networks compute the same, so its product mixes exactly: what is left is the activation
    assert found.entries[2].linear_defect == pytest.approx(0, abs=1e-6)


def test_a_network_and_itself_owe_nothing(data: Dataset) -> None:
    a, _ = pair("digits-mlp-32")
    found = booked(a, a, data)
    assert found.total == pytest.approx(0, abs=1e-6)
    assert max(entry.linear_defect + entry.activation_defect for entry in found.entries) < 1e-9


# ------------------------------------------------------------------------------------------ exponent of a width sweep


WIDTHS = np.repeat([32, 64, 128, 256, 512], 3)


def test_an_exact_power_law_gives_its_exponent() -> None:
    found = exponent(WIDTHS.tolist(), (3 * WIDTHS**-0.5).tolist(), rng=np.random.default_rng(0))
    assert (found.beta, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.at(1024) == pytest.approx(3 * 1024**-0.5)


@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("noise", ["normal", "laplace"])
def test_the_interval_covers_the_planted_exponent_in_94_of_100_simulations(noise: str, each: int) -> None:
    rng = np.random.default_rng(0)
    widths = WIDTHS if each == 3 else np.array([32, 128, 512])
    hits = []
    for _ in range(300):
        errors = getattr(rng, noise)(size=len(widths))
        values = np.exp(1.0 + 0.3 * errors) * widths**-0.5
        hits.append(exponent(widths.tolist(), values.tolist(), rng=rng, resamples=1000).holds(0.5))
    assert np.mean(hits) >= 0.94


def test_the_unit_of_the_barrier_changes_no_exponent() -> None:
    rng = np.random.default_rng(1)
    values = np.exp(0.2 * rng.normal(size=len(WIDTHS))) * WIDTHS**-0.3
    one, other = (exponent(WIDTHS.tolist(), (k * values).tolist(), rng=np.random.default_rng(2)) for k in (1.0, 50.0))
    assert (one.beta, one.low, one.high) == pytest.approx((other.beta, other.low, other.high))
    assert one.low < one.beta < one.high


def test_what_has_no_exponent_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="three pairs"):
        exponent([32, 512], [1, 0.2], rng=rng)
    with pytest.raises(InputError, match="three pairs"):
        exponent([32] * 4, [1, 0.5, 0.2, 0.1], rng=rng)
    with pytest.raises(InputError, match="positive"):
        exponent([32, 64, 128, 512], [1, 0.5, 0.2, -0.01], rng=rng)
