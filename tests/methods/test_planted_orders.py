"""Every method and every fusion on every architecture: the planted order comes back, or the method says what it lacks.

Nothing is left out in silence: where a method does not apply, its own sentence is what the test expects.
"""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from planted import difference, own_labels, planted, random_data
from zoo import MORE, ZOO

from lmc_core.alignment.heads import attention_groups
from lmc_core.errors import InputError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.fuse import fusion
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.network import network
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.symmetry.infer import symmetry

EVERY = {**ZOO, **MORE}
NOISE = [0.02, 0.05]
FEW = {
    "frank-wolfe": {"restarts": 1},
    "gromov-wasserstein": {"restarts": 1},
    "sinkhorn-rebasin": {"steps": 30},
    "straight-through": {"steps": 1, "batch": 32},
    "full-symmetry-matching": {"restarts": 3},
    "learned-matching": {"steps": 1, "batch": 32},
}
"""Methods that take many steps take few of them here."""
SLOW = ("sinkhorn-rebasin", "straight-through", "learned-matching")
"""Methods that descend on a loss, tried on the eighteen architectures of the reference only."""
LOSSES = ("straight-through", "learned-matching")
"""Methods whose objective is the loss itself, which a copy without noise can have smaller elsewhere."""
SLACK = {"full-symmetry-matching": 2e-3}
"""Rotations by responses answer the noise, and are then not quite the best for weights."""
ODD = ["mixed_heads", "fused_heads_gqa", "low_rank", "cross_attention", "two_inputs"]
"""Beside those eighteen, fusions are tried where groups share an axis or a product, and on several inputs."""


def few(examples):
    """The same few instances in every run; none is made smaller when it fails, as each takes a while."""
    phases = [Phase.explicit, Phase.generate]
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=phases)


@cache
def member(name):
    """A zoo network in float64 and its symmetry."""
    module, inputs = EVERY[name]()
    net = network(module.double(), inputs)
    return net, symmetry(net, verify=False)


def data_for(name, method):
    """What a method is given: nothing for networks of several inputs, which no data set fits."""
    net, _ = member(name)
    if len(net.example_inputs) > 1:
        return None
    return own_labels(net) if method in LOSSES else random_data(net)


def lacking(name, method):
    """What the method will say it lacks on this architecture; None where it applies."""
    net, found = member(name)
    several = len(net.example_inputs) > 1
    if (METHODS.get(method) or FUSIONS[method]).needs_data and several:
        return "needs data"
    if method == "head-matching" and not attention_groups(net, found):
        return "no attention heads"
    return None


MATRIX = [(m, n) for m in METHODS for n in (ZOO if m in SLOW else EVERY) if m != "identity"]


@pytest.mark.parametrize(("method", "name"), MATRIX)
@few(1)
@example(seed=1, noise=0.0)
@given(seed=st.integers(2, 10_000), noise=st.sampled_from(NOISE))
def test_a_permuted_copy_is_put_back(method, name, seed, noise):
    """Exactly; under noise to the planted order, or another that is no worse on the method's own objective."""
    net, found = member(name)
    case, data = planted(net, found, seed=seed, noise=noise), data_for(name, method)
    chosen = {"symmetry": found, **FEW.get(method, {})}
    if why := lacking(name, method):
        with pytest.raises(InputError, match=why):
            align(net, case.moved, method, data, **chosen)
        return
    alignment = align(net, case.moved, method, data, **chosen)
    assert difference(case.moved.state, net.state) > 1e-3
    assert alignment.function_error < 1e-12
    if difference(alignment.transport(case.moved).state, alignment.reference(case.put_back).state) < 1e-9:
        return
    wanted = align(net, case.put_back, method, data, **chosen).history[0]  # without moving anything
    assert alignment.history[-1] >= wanted - SLACK.get(method, 1e-9) * abs(wanted)
    assert noise or method in LOSSES, "only a loss is sometimes smaller elsewhere than at the planted order"


def test_methods_apply_to_as_many_architectures_as_they_say():
    applies = {m: sum(lacking(name, m) is None for name in EVERY) for m in METHODS}
    assert applies.pop("head-matching") == 11
    assert {m for m, count in applies.items() if count < len(EVERY)} == {m for m in METHODS if METHODS[m].needs_data}
    assert min(applies.values()) >= len(EVERY) - 2


def test_the_naive_method_is_left_out_because_it_moves_nothing():
    net, found = member("mlp")
    alignment = align(net, planted(net, found).moved, "identity", symmetry=found)
    assert all(coupling.is_identity for coupling in alignment.couplings.values())


def fused_as(method, net):
    """A network as a fusion method is given it."""
    return canonical(net).network if FUSIONS[method].canonical else net


# -- fusions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "name"), [(m, n) for m in FUSIONS for n in [*ZOO, *ODD] if m != "vanilla-average"])
@few(1)
@given(seed=st.integers(0, 10_000))
def test_a_network_and_two_permuted_copies_fuse_to_it(method, name, seed):
    net, found = member(name)
    copies = [planted(net, found, seed=seed + i).moved for i in range(2)]
    data = data_for(name, method)
    kept = {"within": 0.0} if method == "zipit" else {}
    if why := lacking(name, method):
        with pytest.raises(InputError, match=why):
            fusion([net, *copies], method, data=data, **kept)
        return
    result = fusion([net, *copies], method, data=data, **kept)
    assert difference(result.network.state, fused_as(method, net).state) < 1e-12
    assert max(result.function_errors) < 1e-12
    for couplings in result.couplings:
        for coupling in couplings.values():
            np.testing.assert_allclose(coupling.matrix.sum(-2), 1 / coupling.matrix.shape[-1], atol=1e-12)


@pytest.mark.parametrize("method", FUSIONS)
@few(3)
@given(name=st.sampled_from(list(ZOO)), count=st.integers(2, 4))
def test_copies_fuse_to_the_copy(method, name, count):
    net, _ = member(name)
    kept = {"within": 0.0, "remerge": 1.0} if method == "zipit" else {}
    fused = fusion([net] * count, method, data=data_for(name, method), **kept)
    assert difference(fused.network.state, fused_as(method, net).state) < 1e-14


@pytest.mark.parametrize("method", [name for name in FUSIONS if name != "zipit"])
@few(3)
@given(name=st.sampled_from(list(ZOO)), seed=st.integers(0, 10_000))
def test_all_weight_on_the_first_network_returns_it(method, name, seed):
    net, _ = member(name)
    generator = torch.Generator().manual_seed(seed)
    other = net.with_state(
        {
            k: x + torch.rand(x.shape, generator=generator, dtype=x.dtype) if x.is_floating_point() else x
            for k, x in net.state.items()
        }
    )
    fused = fusion([net, other], method, weights=(1, 0), data=data_for(name, method))
    assert difference(fused.network.state, fused_as(method, net).state) == 0
