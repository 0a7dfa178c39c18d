"""Weight and activation matching where units have scales or signs of their own: planted ones come back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import planted
from torch import nn

from lmc_core.data.registry import dataset
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.move import move, random_elements

BOTH = ("weight-matching", "activation-matching")
SIGMA = 2.0


def scaled(net, rng):
    """The network with its units in another order and of other scales, log-normal with σ = 2, and what puts it back."""
    found = symmetry(net, verify=False)
    case = planted(net, found, seed=3)
    factors = {n: np.diag(np.exp(SIGMA * rng.standard_normal(g.size))) for n, g in found.groups.items()}
    return case.moved.with_state(move(case.moved.state, found, factors)), case.perms


def barrier(a, b):
    return evaluate(LinearPath(a, b), dataset("digits"), points=11).barrier()


def order(coupling):
    """The order in which a coupling leaves units, whatever their scales and signs."""
    return coupling.perm if coupling.perm is not None else np.abs(coupling.map).argmax(-1)


@pytest.mark.parametrize("method", BOTH)
def test_planted_scales_come_back_by_default_and_not_by_orders_alone(method):
    net, data = load("checkpoints/digits-mlp-128/seed0.safetensors"), dataset("digits")
    moved, perms = scaled(net, np.random.default_rng(0))
    alone, both = (align(net, moved, method, data, balanced=how) for how in ("off", "auto"))
    share = {
        how: np.mean([np.mean(order(a.couplings[g]) == perms[g]) for g in perms])
        for how, a in zip("ab", (alone, both), strict=True)
    }
    assert share["b"] == 1
    if method == "weight-matching":
        assert share["a"] < 0.5
    assert both.function_error < 1e-5
    assert any("A's scales" in note for note in both.notes)
    back = both.transport(moved)
    for name, x in net.state.items():
        torch.testing.assert_close(back.state[name], x, rtol=1e-3, atol=1e-4)
    assert barrier(net, back) < 1e-3 < barrier(net, alone.transport(moved))


@pytest.mark.parametrize("method", BOTH)
def test_pairs_of_alike_scales_are_matched_as_they_are(method):
    nets, data = [load(f"checkpoints/digits-mlp-32/seed{k}.safetensors") for k in (0, 1)], dataset("digits")
    auto, off = (align(*nets, method, data, balanced=how) for how in ("auto", "off"))
    assert auto.history == off.history
    assert auto.settings.keys() == {o.name for o in METHODS[method].parameters} - {"balanced", "signed"}
    for name, coupling in auto.couplings.items():
        np.testing.assert_array_equal(coupling.perm, off.couplings[name].perm)


@pytest.mark.parametrize("method", BOTH)
def test_balancing_on_demand_keeps_the_function_and_the_reference(method):
    nets, data = [load(f"checkpoints/digits-mlp-128/seed{k}.safetensors") for k in (0, 1)], dataset("digits")
    found = align(*nets, method, data, balanced="on")
    assert found.function_error < 1e-5
    assert found.reference(nets[0]) is nets[0]
    assert all(coupling.keeps_function and coupling.map is not None for coupling in found.couplings.values())
    alone = align(*nets, method, data, balanced="off")
    assert barrier(nets[0], found.transport(nets[1])) <= barrier(nets[0], alone.transport(nets[1])) + 0.02


@pytest.mark.parametrize("method", BOTH)
def test_planted_signs_come_back_where_signs_are_sought(method):
    torch.manual_seed(0)
    layers = nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, 30), nn.Tanh(), nn.Linear(30, 10)
    data = dataset("digits")
    net = network(nn.Sequential(*layers), torch.as_tensor(data.x_train[:4]).reshape(4, 64))
    found = symmetry(net)
    assert {group.kind for group in found.groups.values()} == {"signed"}
    elements = random_elements(found, np.random.default_rng(1))
    moved = net.with_state(move(net.state, found, elements))
    alone, both = (align(net, moved, method, data, signed=how) for how in (False, True))
    back = both.transport(moved)
    for name, x in net.state.items():
        torch.testing.assert_close(back.state[name], x, rtol=1e-5, atol=1e-6)
    assert both.function_error < 1e-5
    assert all(coupling.is_hard for coupling in alone.couplings.values())
    apart = alone.transport(moved).state
    assert max(float((apart[name] - x).abs().max()) for name, x in net.state.items()) > 1e-2


def test_settings_at_their_defaults_leave_stored_requests_as_they_are():
    method = METHODS["weight-matching"]
    assert method.said({}) == {"restarts": 3, "sweeps": 100}
    assert method.said({"balanced": "on"}) == {"restarts": 3, "sweeps": 100, "balanced": "on"}
    assert replace(method.options["signed"]).left_out
