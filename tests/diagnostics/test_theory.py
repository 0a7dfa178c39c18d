"""What the theory speaks of: the certificate holds, and implied dimensions are found where they were planted."""

from pathlib import Path

import numpy as np
import pytest

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.diagnostics.cost import transport_cost
from lmc_core.diagnostics.gap import Gap, function_gap
from lmc_core.diagnostics.width import scaling
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.words.theory import NOT_COMPUTABLE, theory_finding
from lmc_core.words.width import width_finding

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset("digits")


def pair(name: str) -> tuple[Network, Network]:
    a, b = (load(CHECKPOINTS / name / f"seed{seed}.safetensors") for seed in (0, 1))
    return a, a.with_state(b.state)


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn", "digits-lstm"])
def test_the_loss_never_rises_above_root_two_times_the_function_gap(name: str, data: Dataset) -> None:
    a, b = pair(name)
    for end in (b, align(a, b, "weight-matching").transport(b)):
        found = function_gap(a, end, data, points=7, train_examples=150, test_examples=150)
        assert (found.excess <= found.bound + 1e-9).all()
        assert found.gap[[0, -1]] == pytest.approx([0, 0], abs=1e-5)
        assert found.gap[3] > 0


def test_the_bound_also_holds_for_recalibrated_networks() -> None:
    a, b = pair("cifar10-resnet8")
    rng = np.random.default_rng(0)
    x, y = rng.random((96, 3, 32, 32), np.float32), rng.integers(10, size=96)
    noise = Dataset("noise", x[:64], y[:64], x[64:], y[64:], tuple("abcdefghij"))
    found = function_gap(a, b, noise, points=5, recalibrate="bn-reset", train_examples=64, test_examples=64)
    assert (found.excess <= found.bound + 1e-9).all()
    assert np.isfinite(found.gap).all()


def test_the_excess_of_the_gap_is_that_of_the_profile(data: Dataset) -> None:
    a, b = pair("digits-mlp-32")
    found = function_gap(a, b, data, points=5, train_examples=None, test_examples=None)
    profile = evaluate(LinearPath(a, b), data, points=5)
    np.testing.assert_allclose(found.excess, profile.excess(), atol=1e-5)
    assert found.examples == len(data.y_test)


def test_a_network_and_itself_have_no_gap(data: Dataset) -> None:
    a, _ = pair("digits-mlp-32")
    assert function_gap(a, a, data, points=3, train_examples=50, test_examples=50).gap == pytest.approx(
        [0, 0, 0], abs=1e-5
    )


def test_a_power_law_implies_its_dimension() -> None:
    widths = [32, 128, 512]
    for d in (5.0, 12.0):
        assert scaling("layer", widths, [m ** (-2 / d) for m in widths]).dimension == pytest.approx(d)
    assert scaling("layer", widths, [1.0, 1.1, 1.2]).dimension is None


@pytest.mark.parametrize(("d", "low", "high"), [(6, 5.0, 7.5), (12, 9.0, 13.0)])
def test_matched_gaussian_clouds_imply_about_their_dimension(d: int, low: float, high: float) -> None:
    rng, widths = np.random.default_rng(0), [32, 64, 128, 256, 512]
    draws = {m: max(2, 1024 // m) for m in widths}
    costs = [
        float(np.mean([transport_cost(rng.normal(size=(m, d)), rng.normal(size=(m, d))) for _ in range(draws[m])]))
        for m in widths
    ]
    implied = scaling("layer", widths, costs).dimension
    assert implied is not None
    assert low < implied < high


def test_findings_say_whether_alignment_helped() -> None:
    t = np.linspace(0, 1, 3)
    wide, small = (Gap(t, np.array([0, g, 0.0]), np.array([0, g / 3, 0]), 10) for g in (9.0, 1.0))
    assert "falls from 9.00 to 1.00" in theory_finding(wide, small, {}, "Weight matching").text
    assert theory_finding(wide, wide, {}, "Weight matching").case == "fails"
    assert "does not fall" in width_finding([32, 512], [1.0, 1.0], [0.1, 0.2], {}, "Weight matching").text
    assert "no number is shown" in str(NOT_COMPUTABLE)
