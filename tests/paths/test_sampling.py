"""How far a barrier from some examples may be from that of all: bands that hold as often as they say."""

from itertools import pairwise

import numpy as np
import pytest
from torch.nn.functional import cross_entropy

import lmc_core.paths.evaluate
from lmc_core.data.registry import dataset
from lmc_core.errors import SettingError
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.paths.evaluate import evaluate, evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.sampling import LEAST, Moments, looks, quantile
from lmc_core.paths.tally import precise

PAIRS = ("digits-mlp-128", "digits-cnn", "digits-lstm")
HOLDS = 0.94


@pytest.fixture(scope="module")
def digits():
    """All digits as test examples: some 1 800."""
    from dataclasses import replace

    data = dataset("digits")
    x, y = np.concatenate([data.x_test, data.x_train]), np.concatenate([data.y_test, data.y_train])
    return replace(data, x_test=x, y_test=y)


def losses_of(path, data, monkeypatch):
    """The loss of every test example at every t, (examples, points)."""
    found = []
    scores = lmc_core.paths.evaluate.scores

    def kept(output, batch):
        found.append(cross_entropy(output[: batch.count], batch.targets, reduction="none").double().numpy())
        return scores(output, batch)

    with monkeypatch.context() as patch:
        patch.setattr(lmc_core.paths.evaluate, "scores", kept)
        profile = evaluate_many([path], data, points=25, splits=("test",))[0]
    batches = [found[start : start + 25] for start in range(0, len(found), 25)]
    losses = np.concatenate([np.stack([batch[0], *batch[2:], batch[1]], 1) for batch in batches])
    np.testing.assert_allclose(losses.mean(0), profile.loss(), rtol=1e-12)
    return losses


def stops(losses, precision, number, seed=0):
    """Examples measured, and whether the barrier of all lay in the interval, at `number` simulated stops."""
    rng, population = np.random.default_rng(seed), len(losses)
    t, sizes = np.linspace(0, 1, losses.shape[1]), looks(population)
    truth = Moments.none(len(t)).and_of(losses.T).excess(t).mean.max()
    found = []
    for _ in range(number):
        drawn, moments = losses[rng.permutation(population)], Moments.none(len(t))
        for n in sizes:
            moments = moments.and_of(drawn[moments.count : n].T)
            excess = moments.excess(t)
            margin = excess.margin(population, sizes)
            low, high = (excess.mean - margin).max(), (excess.mean + margin).max()
            barrier = excess.mean.max()
            if max(high - barrier, barrier - low) <= precision * barrier:
                found.append((n, low <= truth <= high))
                break
        else:
            found.append((population, True))
    return np.array(found)


@pytest.mark.parametrize("pair", PAIRS)
def test_at_simulated_stops_the_barrier_of_all_examples_lies_in_the_interval(pair, digits, monkeypatch):
    a, b = (load(f"checkpoints/{pair}/seed{seed}.safetensors") for seed in (0, 1))
    losses = losses_of(LinearPath(a, b), digits, monkeypatch)
    examples, held = stops(losses, 0.05, 150).T
    assert held.mean() >= HOLDS
    assert (examples < len(losses)).mean() > 0.9


def test_where_alignment_leaves_a_small_barrier_the_interval_holds_too(digits, monkeypatch):
    a, b = (load(f"checkpoints/digits-cnn/seed{seed}.safetensors") for seed in (0, 1))
    aligned = align(a, b, "weight-matching", digits, seed=0).transport(b)
    examples, held = stops(losses_of(LinearPath(a, aligned), digits, monkeypatch), 0.1, 150).T
    assert held.mean() >= HOLDS
    assert (examples < 1797).any()


def test_a_planted_barrier_is_found_at_every_look_as_often_as_is_said():
    """Losses with long tails around a hill: in 95 of 100 orders the interval misses at no look."""
    rng, t = np.random.default_rng(1), np.linspace(0, 1, 9)
    hill = 4 * t * (1 - t)
    own = rng.exponential(1.0, (4_000, 1))
    losses = own * hill + rng.gamma(0.3, 1.0, (4_000, 2)) @ np.stack([1 - t, t])
    truth = float(own.mean())
    sizes, missed = looks(4_000), 0
    for _ in range(400):
        drawn, moments = losses[rng.permutation(4_000)], Moments.none(9)
        for n in sizes:
            moments = moments.and_of(drawn[moments.count : n].T)
            excess = moments.excess(t)
            margin = excess.margin(4_000, sizes)
            if not (excess.mean - margin).max() <= truth <= (excess.mean + margin).max():
                missed += 1
                break
    assert missed / 400 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)  # two standard errors


def test_moments_are_those_that_numpy_finds():
    rng = np.random.default_rng(0)
    values, t = rng.normal(size=(5, 700)), np.linspace(0, 1, 5)
    found = Moments.none(5).and_of(values[:, :300]).and_of(values[:, 300:])
    np.testing.assert_allclose(found.mean, values.mean(1), atol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(values), atol=1e-12)
    excess = values - np.outer(1 - t, values[0]) - np.outer(t, values[-1])
    np.testing.assert_allclose(found.excess(t).covariance, np.cov(excess), atol=1e-12)
    np.testing.assert_allclose(found.error(10**12), values.std(1, ddof=1) / np.sqrt(700), rtol=1e-6)


def test_one_point_and_one_look_have_the_normal_quantile_and_more_have_a_larger_one():
    one = quantile(np.eye(1), (500,), 10_000)
    assert one == pytest.approx(1.96, abs=0.08)
    assert one < quantile(np.ones((3, 3)), looks(10_000), 10_000) < quantile(np.eye(3), looks(10_000), 10_000) < 4


def test_the_band_narrows_as_examples_come_in_and_is_gone_when_all_are_in():
    rng, t = np.random.default_rng(2), np.linspace(0, 1, 5)
    values, moments, widths = rng.gamma(1.0, 1.0, (5, 3_000)), Moments.none(5), []
    for n in (*looks(3_000), 3_000):
        moments = moments.and_of(values[:, moments.count : n])
        widths.append(moments.excess(t).margin(3_000, looks(3_000)).max())
    assert all(later < sooner for sooner, later in pairwise(widths))
    assert widths[-1] == 0


@pytest.fixture(scope="module")
def pair():
    a, b = (load(f"checkpoints/digits-mlp-32/seed{seed}.safetensors") for seed in (0, 1))
    return LinearPath(a, b)


def test_a_path_is_measured_until_its_barrier_is_known_so_well(pair, digits):
    every = evaluate(pair, digits, points=9)
    seen = []
    found = evaluate(pair, digits, points=9, precision=0.1, batch=50, partial=seen.append)
    assert LEAST <= found.examples["test"] < found.population["test"] == len(digits.x_test)
    assert found.uncertainty() <= 0.1 * found.barrier()
    low, high = found.interval()
    assert low <= every.barrier() <= high
    assert found.margins["test"]["loss"][[0, -1]] == pytest.approx(0, abs=1e-9)
    assert [profile.sampled() for (profile,) in seen] == [True] * len(seen)
    assert all(profile.uncertainty() > 0.1 * profile.barrier() for (profile,) in seen[:-1])


def test_what_is_measured_in_full_has_no_band_and_what_is_drawn_has_one(pair, digits):
    every = evaluate(pair, digits, points=3, train_examples=None)
    assert not every.margins
    assert every.uncertainty() == 0
    assert every.interval() == (every.barrier(), every.barrier())
    some = evaluate(pair, digits, points=3, test_examples=600, train_examples=LEAST - 1)
    assert some.sampled()
    assert not some.sampled("train")  # too few to say
    assert some.interval()[0] <= every.barrier() <= some.interval()[1]
    loss = some.errors["test"]["loss"]
    assert (loss > 0).all()


def test_a_precision_that_needs_all_examples_measures_all_with_the_same_means(pair, digits):
    every = evaluate(pair, digits, points=3)
    found = evaluate(pair, digits, points=3, precision=1e-6)
    assert found.examples == every.examples
    np.testing.assert_allclose(found.loss(), every.loss(), rtol=1e-6)
    assert not found.margins


def test_a_barrier_below_a_tenth_of_the_highest_need_not_be_known_better_than_that_tenth():
    assert precise([1.0, 0.01], [0.04, 0.004], 0.05)
    assert not precise([1.0, 0.01], [0.06, 0.004], 0.05)
    assert not precise([1.0, 0.01], [0.04, 0.006], 0.05)


@pytest.mark.parametrize("precision", [0.0, 1.0, -0.1])
def test_a_precision_that_is_no_share_is_refused(precision, pair, digits):
    with pytest.raises(SettingError, match="share of the barrier"):
        evaluate(pair, digits, precision=precision)
