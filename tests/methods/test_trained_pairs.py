"""Alignment of the trained networks that ship with the project, on real data."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import difference, planted

from lmc_core.data.registry import dataset
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.symmetry.infer import symmetry

ALIGNING = [name for name in METHODS if name not in ("identity", "head-matching")]  # these networks have no heads

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
LMC_DATA = Path(os.environ.get("LMC_DATA", "nowhere"))
needs_mnist = pytest.mark.skipif(not (LMC_DATA / "mnist").is_dir(), reason="LMC_DATA holds no mnist folder")


@cache
def pair(name):
    """Two trained networks and the symmetry of the first."""
    a, b = (load(str(CHECKPOINTS / name / f"seed{seed}.safetensors")) for seed in (0, 1))
    return a, b, symmetry(a, verify=False)


def loss(network, data):
    """Mean cross-entropy on the test examples."""
    with torch.no_grad():
        outputs = network(network.prepare(torch.as_tensor(data.x_test)))
    return float(torch.nn.functional.cross_entropy(outputs, torch.as_tensor(data.y_test)))


def midpoint(a, moved):
    return a.with_state({name: (tensor + moved.state[name]) / 2 for name, tensor in a.state.items()})


@pytest.mark.parametrize("method", ALIGNING)
@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn", "digits-lstm"])
def test_a_shuffled_trained_network_is_put_back_exactly(name, method):
    a, _, found = pair(name)
    shuffled = planted(a, found, seed=3)
    alignment = align(a, shuffled.moved, method, dataset("digits"), symmetry=found)
    assert difference(shuffled.moved.state, a.state) > 0.1
    reference, back = alignment.reference(a), alignment.transport(shuffled.moved)
    if METHODS[method].learns:  # away from the planted order, where a loss is smaller
        data = dataset("digits")
        assert loss(midpoint(reference, back), data) < loss(a, data) + 0.05
    else:
        assert difference(back.state, reference.state) <= (1e-5 if alignment.canonical else 0)
    assert alignment.function_error < 1e-5


@pytest.mark.parametrize("method", ALIGNING)
def test_every_method_lowers_the_loss_half_way_between_two_trained_networks(method):
    data = dataset("digits")
    for name in ("digits-mlp-128", "digits-cnn", "digits-lstm"):
        a, b, found = pair(name)
        alignment = align(a, b, method, data, symmetry=found)
        assert alignment.function_error < 1e-5
        aligned = loss(midpoint(alignment.reference(a), alignment.transport(b)), data)
        assert aligned < loss(midpoint(a, b), data), name


@needs_mnist
@pytest.mark.parametrize(
    ("method", "published"),
    [("layerwise-weight-matching", 0.387), ("covariance-weight-matching", 0.141), ("activation-matching", 0.127)],
)
def test_the_mnist_pair_reproduces_the_published_midpoint_losses(method, published):
    """Ferbach 2024, fig. 2, learning rate 2.5e-2: test loss half way, within 30 %."""
    a, b, found = pair("mnist-mlp-512")
    data = dataset("mnist")
    alignment = align(a, b, method, data, symmetry=found)
    assert loss(midpoint(a, alignment.transport(b)), data) == pytest.approx(published, rel=0.3)


def test_the_layer_wise_start_comes_first_on_chains_and_beats_the_others_on_wide_layers():
    a, b, found = pair("mnist-mlp-512")
    alignment = align(a, b, "weight-matching", symmetry=found)
    assert int(np.argmax(alignment.spread)) == 0
    assert alignment.history[0] < 0.05 * alignment.history[-1]
