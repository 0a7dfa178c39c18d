"""Weight matching and its layer-wise and covariance-weighted forms: what has a say in them, and what they find."""

import numpy as np
import pytest
import torch
from planted import difference, planted, random_data
from zoo import ZOO, symmetric

from lmc_core.alignment.moments import Moment
from lmc_core.alignment.objective import entering_objective, weight_objective
from lmc_core.alignment.sweeps import forward, sweep
from lmc_core.alignment.terms import weight_terms
from lmc_core.methods.align import align
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry


@pytest.mark.parametrize("name", ZOO)
def test_weight_matching_finds_a_permuted_copy_under_noise(name):
    net, found = symmetric(name)
    problem = planted(net, found, seed=2, noise=0.1)
    alignment = align(net, problem.moved, "weight-matching", symmetry=found)
    for group, perm in problem.perms.items():
        assert (alignment.couplings[group].perm == perm).all(), group


def test_the_restarts_are_all_reported_and_the_best_is_kept():
    net, found = symmetric("gpt_tied_sdpa")
    problem = planted(net, found, seed=4, noise=1.0)
    alignment = align(net, problem.moved, "weight-matching", symmetry=found, restarts=4)
    assert len(alignment.spread) == 4
    assert alignment.history[-1] == max(alignment.spread)


def test_running_statistics_have_no_say_in_weight_matching():

    net, found = symmetric("resnet_bn")
    judged = {name for term in weight_terms(net, found) for name in term.targets}
    assert "norm1.weight" in judged
    assert not any("running" in name for name in judged)


def test_weight_matching_needs_no_data():
    net, found = symmetric("mlp")
    assert align(net, net, "weight-matching", None, symmetry=found).function_error == 0


def test_half_precision_weights_are_matched_in_single_precision():
    net, found = symmetric("mlp")
    half = net.with_state({name: x.half() for name, x in net.state.items()})
    problem = planted(half, found, seed=0)

    result = sweep(weight_objective(half, problem.moved, found), np.random.default_rng(0))
    for group, perm in problem.perms.items():
        assert (result.perms[group] == perm).all()


def test_covariance_matching_on_white_inputs_is_layer_wise_matching():
    """With the identity as second moment the two objectives and their solutions coincide."""

    for name in ("mlp", "lstm2", "resnet_bn"):
        net, found = symmetric(name)
        problem = planted(net, found, seed=4, noise=1.0)
        white = []
        for contraction in found.contractions:
            weight = net.state[contraction.weight]
            d = weight.numel() // weight.shape[contraction.write]
            white.append(Moment(torch.eye(d, dtype=torch.float64), torch.zeros(d, dtype=torch.float64), 1))
        plain, weighed = (forward(entering_objective(net, problem.moved, found, moments)) for moments in (None, white))
        assert plain.history == pytest.approx(weighed.history, rel=1e-9)
        for group in found.groups:
            assert (plain.perms[group] == weighed.perms[group]).all()


def test_the_bias_variant_tells_apart_units_that_differ_only_in_their_bias():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2)).double()
    with torch.no_grad():
        module[0].weight[1] = module[0].weight[0]
    net = network(module, torch.randn(2, 4, dtype=torch.float64))
    problem = planted(net, symmetry(net), seed=0)
    with_bias = align(net, problem.moved, "covariance-weight-matching", random_data(net), bias=True)
    assert difference(with_bias.transport(problem.moved).state, net.state) == 0


def test_a_recurrent_layer_is_found_by_the_layer_wise_methods_when_only_its_own_weights_tell():
    """One input feature and 12 hidden units: the order of the units is mostly in the recurrent matrix."""

    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.RNN(1, 12, batch_first=True)
            self.out = torch.nn.Linear(12, 3)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    torch.manual_seed(0)
    net = network(Last().double(), torch.randn(2, 5, 1, dtype=torch.float64))
    problem = planted(net, symmetry(net), seed=0, noise=0.3)
    for method in ("weight-matching", "layerwise-weight-matching", "covariance-weight-matching"):
        alignment = align(net, problem.moved, method, random_data(net))
        assert (alignment.couplings["rnn.l0"].perm == problem.perms["rnn.l0"]).all(), method
