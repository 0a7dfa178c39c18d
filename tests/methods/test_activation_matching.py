"""Activation matching: units that never respond, and too few examples."""

import pytest
import torch
from planted import difference, planted, random_data
from zoo import symmetric

from lmc_core.alignment.moments import input_moments
from lmc_core.errors import DataError
from lmc_core.methods.align import align
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry


def test_units_that_never_respond_are_matched_by_their_incoming_weights():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 9), torch.nn.ReLU(), torch.nn.Linear(9, 2)).double()
    with torch.no_grad():
        module[0].bias[:4] = -100
    net = network(module, torch.randn(2, 4, dtype=torch.float64))
    problem = planted(net, symmetry(net), seed=0)
    alignment = align(net, problem.moved, "activation-matching", random_data(net))
    assert difference(alignment.transport(problem.moved).state, net.state) < 1e-15


def test_fewer_examples_than_one_batch_are_refused():

    net, found = symmetric("mlp")
    with pytest.raises(DataError, match="3 examples are fewer than one batch of 8"):
        input_moments(net, found, random_data(net).x_train[:3], batch=8)
