"""Law of every method: never worse than naive on its own objective, and what did not converge says so."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import own_labels, planted, random_data
from zoo import ZOO

from lmc_core.data.registry import dataset
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.fuse import fusion
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry

CUT = {
    "weight-matching": {"restarts": 1, "sweeps": 1},
    "layerwise-weight-matching": {"passes": 1},
    "covariance-weight-matching": {"passes": 1},
    "frank-wolfe": {"restarts": 1, "iterations": 1},
    "ot-alignment": {"solver": "sinkhorn", "epsilon": 1e-5},
    "gromov-wasserstein": {"restarts": 1, "iterations": 1},
    "sinkhorn-rebasin": {"steps": 1},
    "straight-through": {"steps": 1, "batch": 32},
    "head-matching": {"passes": 1},
    "full-symmetry-matching": {"passes": 1},
}
"""Settings that stop a method before it can converge."""
HEADS = ("head-matching", "full-symmetry-matching")
"""Methods whose loop goes on for long where there are attention heads."""
CUT_FUSIONS = {
    "wasserstein-barycenter": {"iterations": 1},
    "wasserstein-barycenter, soft": {"solver": "sinkhorn", "epsilon": 1e-5},
    "gromov-wasserstein-barycenter": {"iterations": 1},
    "gromov-wasserstein-barycenter, inner": {"inner": 1},
    "ot-fusion": {"solver": "sinkhorn", "epsilon": 1e-5},
    "merge-many": {"limit": 1},
    "c2m3": {"iterations": 1},
    "full-symmetry-merge": {"limit": 1},
}
CLOSED = {"identity", "activation-matching", "vanilla-average", "zipit", "learned-matching"}
"""Methods without a loop that could go on: one assignment per layer, one pass of merging, a rate that falls to its end,
or nothing at all."""


LOSSES = ("straight-through", "learned-matching")
"""Methods whose objective is a loss, which random data has for classifiers alone."""


@cache
def member(name):
    """A zoo network in float64, its symmetry, and another network of random weights."""
    module, inputs = ZOO[name]()
    net = network(module.double(), inputs)
    torch.manual_seed(5)
    other = net.with_state({k: torch.rand_like(x) + 0.1 if x.is_floating_point() else x for k, x in net.state.items()})
    return net, symmetry(net, verify=False), other


def test_every_method_is_cut_short_here_or_has_no_loop():
    fusions = {name.split(",")[0] for name in CUT_FUSIONS}
    assert set(CUT) | fusions | CLOSED == {*METHODS, *FUSIONS}


def trained(name):
    """Two trained networks and the symmetry of the first."""
    a, b = (load(f"checkpoints/{name}/seed{seed}.safetensors") for seed in (0, 1))
    return a, b, symmetry(a, verify=False)


@pytest.mark.parametrize("method", CUT)
def test_a_method_that_is_cut_short_says_so(method):
    net, found, other = member("gpt_untied_manual" if method in HEADS else "lstm2")
    if method == "ot-alignment":  # small problems converge at any epsilon
        net, other, found = trained("digits-mlp-128")
    alignment = align(net, other, method, own_labels(net), symmetry=found, **CUT[method])
    assert not alignment.converged
    assert alignment.notes
    assert alignment.history[-1] >= alignment.history[0]


@pytest.mark.parametrize("name", CUT_FUSIONS)
def test_a_fusion_that_is_cut_short_says_so(name):
    torch.manual_seed(0)
    net, _, other = member("lstm2")
    third = net.with_state({k: torch.randn_like(x) if x.is_floating_point() else x for k, x in net.state.items()})
    nets = trained("digits-mlp-128")[:2] if "solver" in CUT_FUSIONS[name] else [net, other, third]
    result = fusion(nets, name.split(",")[0], data=random_data(nets[0]), **CUT_FUSIONS[name])
    assert not result.converged
    assert result.notes


def test_a_first_template_that_was_cut_short_says_so():
    nets = trained("digits-mlp-32")[:2]
    result = fusion(nets, "wasserstein-barycenter", widths=20, iterations=1)
    assert any(note.startswith("the first template did not converge in 1 iterations") for note in result.notes)


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn", "digits-lstm"])
def test_on_trained_pairs_no_method_is_worse_than_naive_on_its_own_objective(name):
    (a, b, found), data = trained(name), dataset("digits")
    few = {"sinkhorn-rebasin": {"steps": 15}, "straight-through": {"steps": 5}, "learned-matching": {"steps": 5}}
    for method in METHODS:
        if method == "head-matching":  # these networks have no heads
            continue
        alignment = align(a, b, method, data, symmetry=found, **few.get(method, {}))
        assert alignment.history[-1] >= alignment.history[0], method
        assert alignment.function_error < 1e-5, method


@pytest.mark.parametrize("method", [m for m in METHODS if m not in LOSSES])
@settings(max_examples=2, derandomize=True, deadline=None, database=None)
@given(name=st.sampled_from(["gpt_tied_sdpa", "vit_nn_encoder"]), seed=st.integers(0, 999), noise=st.floats(0.5, 4))
def test_planted_orders_under_heavy_noise_never_end_worse_than_naive(method, name, seed, noise):
    net, found, _ = member(name)
    case = planted(net, found, seed=seed, noise=noise)
    few = {"sinkhorn-rebasin": {"steps": 10}, "gromov-wasserstein": {"restarts": 1}}.get(method, {})
    alignment = align(net, case.moved, method, random_data(net), symmetry=found, **few)
    assert alignment.history[-1] >= alignment.history[0]
    assert alignment.function_error < 1e-10
