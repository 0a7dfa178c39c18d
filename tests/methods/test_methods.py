"""Methods on the architectures of the zoo: nothing gets worse, seeds decide, errors are sentences."""

from functools import cache

import numpy as np
import pytest
import torch
from planted import difference, planted, random_data
from zoo import ZOO

import lmc_core
from lmc_core.errors import Cancelled, DataError, MismatchError, SettingError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry

ALIGNING = [
    "weight-matching",
    "layerwise-weight-matching",
    "covariance-weight-matching",
    "activation-matching",
    "frank-wolfe",
]
"""The methods of the first list; the others are in test_methods_more, planted orders in test_planted_orders."""


@cache
def member(name):
    """A zoo network in float64 and its symmetry."""
    torch.manual_seed(0)
    module, inputs = ZOO[name]()
    net = network(module.double(), tuple(x.double() if x.is_floating_point() else x for x in inputs))
    return net, symmetry(net, verify=False)


@pytest.mark.parametrize("method", ALIGNING)
@pytest.mark.parametrize("name", ZOO)
def test_no_method_is_worse_than_naive_on_its_own_objective(name, method):
    net, found = member(name)
    torch.manual_seed(7)
    other = net.with_state({k: torch.rand_like(x) + 0.1 if x.is_floating_point() else x for k, x in net.state.items()})
    alignment = align(net, other, method, random_data(net), symmetry=found)
    assert alignment.history[-1] >= alignment.history[0]
    assert alignment.function_error < 1e-10
    assert set(alignment.couplings) == set(found.groups)


@pytest.mark.parametrize("name", ZOO)
def test_weight_matching_finds_a_permuted_copy_under_noise(name):
    net, found = member(name)
    problem = planted(net, found, seed=2, noise=0.1)
    alignment = align(net, problem.moved, "weight-matching", symmetry=found)
    for group, perm in problem.perms.items():
        assert (alignment.couplings[group].perm == perm).all(), group


@pytest.mark.parametrize("method", ALIGNING)
@pytest.mark.parametrize("name", ["mlp", "lstm2"])
def test_a_network_aligned_with_itself_stays_as_it_is(name, method):
    net, found = member(name)
    alignment = align(net, net, method, random_data(net), symmetry=found)
    assert all(coupling.is_identity for coupling in alignment.couplings.values())


@pytest.mark.parametrize("method", ["identity", *ALIGNING])
def test_the_same_seed_gives_the_same_alignment(method):
    net, found = member("resnet_bn")
    problem = planted(net, found, seed=3, noise=2.0)
    first, second = (align(net, problem.moved, method, random_data(net), symmetry=found, seed=5) for _ in range(2))
    assert first.history == second.history
    assert first.spread == second.spread
    for group in found.groups:
        assert (first.couplings[group].perm == second.couplings[group].perm).all()


def test_the_naive_method_leaves_everything_and_reports_the_weight_objective():
    net, found = member("mlp")
    problem = planted(net, found, seed=3)
    naive = align(net, problem.moved, "identity", symmetry=found)
    matched = align(net, problem.moved, "weight-matching", symmetry=found)
    assert all(coupling.is_identity for coupling in naive.couplings.values())
    assert naive.history == (matched.history[0],)


def test_covariance_matching_on_white_inputs_is_layer_wise_matching():
    """With the identity as second moment the two objectives and their solutions coincide."""
    from lmc_core.alignment.moments import Moment
    from lmc_core.alignment.objective import Objective
    from lmc_core.alignment.schedule import forward
    from lmc_core.alignment.terms import entering_terms

    for name in ("mlp", "lstm2", "resnet_bn"):
        net, found = member(name)
        problem = planted(net, found, seed=4, noise=1.0)
        white = []
        for contraction in found.contractions:
            weight = net.state[contraction.weight]
            d = weight.numel() // weight.shape[contraction.write]
            white.append(Moment(torch.eye(d, dtype=torch.float64), torch.zeros(d, dtype=torch.float64), 1))
        plain, weighed = (
            forward(Objective(problem.moved, found, entering_terms(net, found, moments))) for moments in (None, white)
        )
        assert plain.history == pytest.approx(weighed.history, rel=1e-9)
        for group in found.groups:
            assert (plain.couplings[group].perm == weighed.couplings[group].perm).all()


def test_the_restarts_are_all_reported_and_the_best_is_kept():
    net, found = member("gpt_tied_sdpa")
    problem = planted(net, found, seed=4, noise=1.0)
    alignment = align(net, problem.moved, "weight-matching", symmetry=found, restarts=4)
    assert len(alignment.spread) == 4
    assert alignment.history[-1] == max(alignment.spread)


def test_the_bias_variant_tells_apart_units_that_differ_only_in_their_bias():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2)).double()
    with torch.no_grad():
        module[0].weight[1] = module[0].weight[0]
    net = network(module, torch.randn(2, 4, dtype=torch.float64))
    problem = planted(net, symmetry(net), seed=0)
    with_bias = align(net, problem.moved, "covariance-weight-matching", random_data(net), bias=True)
    assert difference(with_bias.transport(problem.moved).state, net.state) == 0


def test_units_that_never_respond_are_matched_by_their_incoming_weights():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 9), torch.nn.ReLU(), torch.nn.Linear(9, 2)).double()
    with torch.no_grad():
        module[0].bias[:4] = -100
    net = network(module, torch.randn(2, 4, dtype=torch.float64))
    problem = planted(net, symmetry(net), seed=0)
    alignment = align(net, problem.moved, "activation-matching", random_data(net))
    assert difference(alignment.transport(problem.moved).state, net.state) == 0


def test_running_statistics_have_no_say_in_weight_matching():
    from lmc_core.alignment.terms import weight_terms

    net, found = member("resnet_bn")
    judged = {name for term in weight_terms(net, found) for name in term.targets}
    assert "norm1.weight" in judged
    assert not any("running" in name for name in judged)


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


def test_weight_matching_needs_no_data():
    net, found = member("mlp")
    assert align(net, net, "weight-matching", None, symmetry=found).function_error == 0


def test_fewer_examples_than_one_batch_are_refused():
    from lmc_core.alignment.moments import input_moments

    net, found = member("mlp")
    with pytest.raises(DataError, match="3 examples are fewer than one batch of 8"):
        input_moments(net, found, random_data(net).x_train[:3], batch=8)


def test_a_method_that_compares_activations_asks_for_data():
    net, found = member("mlp")
    with pytest.raises(DataError, match="needs data"):
        align(net, net, "activation-matching", symmetry=found)


def test_networks_of_different_widths_are_refused_by_name():
    small, wide = (
        network(torch.nn.Sequential(torch.nn.Linear(4, n), torch.nn.ReLU(), torch.nn.Linear(n, 2)), torch.zeros(2, 4))
        for n in (5, 7)
    )
    with pytest.raises(MismatchError, match=r"'0.weight'.*\(5, 4\).*\(7, 4\).*fused"):
        align(small, wide)


def test_networks_that_use_the_same_tensors_differently_are_refused():
    class Twisted(torch.nn.Sequential):
        def forward(self, x):
            return super().forward(x).cumsum(1) + self[0](x).flip(1)[:, :4]

    def layers():
        return torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4)

    plain, twisted = (
        network(torch.nn.Sequential(*layers()), torch.zeros(2, 4)),
        network(Twisted(*layers()), torch.zeros(2, 4)),
    )
    with pytest.raises(MismatchError, match=r"'0.weight' is used differently"):
        align(plain, twisted)


def test_data_of_another_shape_is_refused():
    net, found = member("mlp")
    wrong = random_data(network(torch.nn.Linear(3, 2), torch.zeros(2, 3)))
    with pytest.raises(DataError, match=r"\(3,\)"):
        align(net, net, "weight-matching", wrong, symmetry=found)


def test_unknown_methods_and_settings_are_refused():
    net, found = member("mlp")
    with pytest.raises(SettingError, match=r"no alignment method 'wm'.*weight-matching"):
        align(net, net, "wm", symmetry=found)
    with pytest.raises(SettingError, match=r"no setting 'sweep'.*restarts, sweeps"):
        align(net, net, "weight-matching", symmetry=found, sweep=3)
    with pytest.raises(SettingError, match="restarts=0 is not a whole number from 1 to 100"):
        align(net, net, "weight-matching", symmetry=found, restarts=0)


def test_work_is_reported_and_can_be_cancelled():
    net, found = member("mlp")

    def stop(stage, done, total):
        raise Cancelled(stage)

    for method in ALIGNING:
        with pytest.raises(Cancelled):
            align(net, net, method, random_data(net), symmetry=found, report=stop)


def test_a_choice_of_examples_is_random_and_the_same_for_the_same_seed():
    from lmc_core.alignment.problem import Problem

    net, found = member("mlp")
    data = random_data(net)
    first, again, other = (Problem(net, net, found, data, seed).examples(10) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert len(Problem(net, net, found, data).examples(0)) == len(data.x_train)


def test_every_method_says_what_a_form_needs():
    assert list(METHODS)[:6] == ["identity", *ALIGNING]
    for name, method in METHODS.items():
        assert method.name == name
        assert method.title
        assert len(method.summary) < 80
        assert method.paper.url.startswith("https://arxiv.org/abs/")
        assert all(p.help and p.check(p.default) == p.default for p in method.parameters)


def test_the_public_verb_is_this_one():
    assert lmc_core.align is align
    assert lmc_core.METHODS is METHODS


def test_half_precision_weights_are_matched_in_single_precision():
    net, found = member("mlp")
    half = net.with_state({name: x.half() for name, x in net.state.items()})
    problem = planted(half, found, seed=0)
    from lmc_core.alignment.objective import Objective
    from lmc_core.alignment.schedule import sweep
    from lmc_core.alignment.terms import weight_terms

    result = sweep(Objective(problem.moved, found, weight_terms(half, found)), np.random.default_rng(0))
    for group, perm in problem.perms.items():
        assert (result.couplings[group].perm == perm).all()
