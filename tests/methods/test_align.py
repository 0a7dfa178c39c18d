"""Laws of every method: nothing gets worse, seeds decide, what cannot be aligned is refused in a sentence."""

import pytest
import torch
from planted import difference, own_labels, planted, random_data
from torch import nn
from zoo import ZOO, symmetric

import lmc_core
from lmc_core.alignment.problem import Problem
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, DataError, MismatchError, SettingError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.network import network

QUICK = {
    "ot-alignment": {},
    "gromov-wasserstein": {"restarts": 1},
    "sinkhorn-rebasin": {"steps": 60},
    "straight-through": {"steps": 4, "batch": 32},
}
"""Settings with which slow methods show their laws in little time."""
FAST = [
    "weight-matching",
    "layerwise-weight-matching",
    "covariance-weight-matching",
    "activation-matching",
    "frank-wolfe",
]
SMALL = ["mlp", "vgg_bn_flatten", "densenet_cat", "glu", "lstm2", "gru2", "hand_lstm"]
"""What they are shown on; attention heads have a file of their own."""


@pytest.mark.parametrize(
    ("name", "method"), [*((n, m) for m in FAST for n in ZOO), *((n, m) for m in QUICK for n in SMALL)]
)
def test_no_method_is_worse_than_naive_on_its_own_objective(name, method):
    net, found = symmetric(name)
    torch.manual_seed(7)
    other = net.with_state({k: torch.rand_like(x) + 0.1 if x.is_floating_point() else x for k, x in net.state.items()})
    chosen = {"steps": 5} if method == "sinkhorn-rebasin" else QUICK.get(method, {})
    data = own_labels(net) if method == "straight-through" else random_data(net)
    alignment = align(net, other, method, data, symmetry=found, **chosen)
    assert alignment.history[-1] >= alignment.history[0]
    assert alignment.function_error < 1e-10
    assert set(alignment.couplings) == set(found.groups)


@pytest.mark.parametrize("method", ["identity", *FAST, *QUICK])
def test_the_same_seed_gives_the_same_alignment(method):
    net, found = symmetric("vgg_bn_flatten" if method in QUICK else "resnet_bn")
    problem = planted(net, found, seed=3, noise=2.0)
    first, second = (
        align(net, problem.moved, method, own_labels(net), symmetry=found, seed=5, **QUICK.get(method, {}))
        for _ in range(2)
    )
    assert first.history == second.history
    assert first.spread == second.spread
    for group in found.groups:
        assert (first.couplings[group].perm == second.couplings[group].perm).all()


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("name", ["mlp", "lstm2"])
def test_a_network_aligned_with_itself_stays_as_it_is(name, method):
    net, found = symmetric(name)
    alignment = align(net, net, method, random_data(net), symmetry=found)
    assert all(coupling.is_identity for coupling in alignment.couplings.values())


@pytest.mark.parametrize("method", [*FAST, *QUICK])
def test_work_is_reported_and_can_be_cancelled(method):
    net, found = symmetric("mlp")

    def stop(stage, done, total):
        raise Cancelled(stage)

    with pytest.raises(Cancelled):
        align(net, net, method, own_labels(net), symmetry=found, report=stop)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "head-matching"])
def test_a_network_without_hidden_units_stays_as_it_is(name):
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        nets.append(network(nn.Linear(64, 10), (torch.randn(2, 64),)))
    a, b = nets
    found = align(a, b, name, dataset("digits"))
    assert not found.couplings
    assert torch.equal(found.transport(b).state["weight"], b.state["weight"])


def test_the_naive_method_leaves_everything_and_reports_the_weight_objective():
    net, found = symmetric("mlp")
    problem = planted(net, found, seed=3)
    naive = align(net, problem.moved, "identity", symmetry=found)
    matched = align(net, problem.moved, "weight-matching", symmetry=found)
    assert all(coupling.is_identity for coupling in naive.couplings.values())
    assert naive.history == (matched.history[0],)


@pytest.mark.parametrize("method", QUICK)
def test_trained_networks_are_put_back_by_every_method(trained, method):
    a, _, found, data = trained
    problem = planted(a, found, seed=3)
    chosen = {"steps": 200} if method == "sinkhorn-rebasin" else QUICK[method]
    alignment = align(a, problem.moved, method, data, symmetry=found, **chosen)
    assert difference(alignment.transport(problem.moved).state, a.state) == 0


@pytest.mark.parametrize("name", ["ot-alignment with responses", "ot-alignment of roots", "relations alone"])
@pytest.mark.parametrize("zoo", ["mlp", "resnet_bn", "lstm2", "gpt_tied_sdpa"])
def test_other_settings_put_a_permuted_copy_back_too(zoo, name):
    method, chosen = {
        "ot-alignment with responses": ("ot-alignment", {"features": "activations"}),
        "ot-alignment of roots": ("ot-alignment", {"squared": False}),
        "relations alone": ("gromov-wasserstein", {"alpha": 1.0}),
    }[name]
    net, found = symmetric(zoo)
    problem = planted(net, found, seed=2)
    alignment = align(net, problem.moved, method, random_data(net), symmetry=found, **chosen)
    assert difference(alignment.transport(problem.moved).state, net.state) == 0


def test_a_method_that_compares_activations_asks_for_data():
    net, found = symmetric("mlp")
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
    net, found = symmetric("mlp")
    wrong = random_data(network(torch.nn.Linear(3, 2), torch.zeros(2, 3)))
    with pytest.raises(DataError, match=r"\(3,\)"):
        align(net, net, "weight-matching", wrong, symmetry=found)


def test_unknown_methods_and_settings_are_refused():
    net, found = symmetric("mlp")
    with pytest.raises(SettingError, match=r"no alignment method 'wm'.*weight-matching"):
        align(net, net, "wm", symmetry=found)
    with pytest.raises(SettingError, match=r"no setting 'sweep'.*restarts, sweeps"):
        align(net, net, "weight-matching", symmetry=found, sweep=3)
    with pytest.raises(SettingError, match="restarts=0 is not a whole number from 1 to 100"):
        align(net, net, "weight-matching", symmetry=found, restarts=0)


def test_a_choice_of_examples_is_random_and_the_same_for_the_same_seed():

    net, found = symmetric("mlp")
    data = random_data(net)
    first, again, other = (Problem.pair(net, net, found, data, seed).examples(10) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert len(Problem.pair(net, net, found, data).examples(0)) == len(data.x_train)


def test_methods_that_descend_on_a_loss_say_that_they_need_data():
    net, found = symmetric("mlp")
    with pytest.raises(DataError, match="needs data"):
        align(net, net, "straight-through", symmetry=found)
    with pytest.raises(DataError, match="needs data"):
        Problem.pair(net, net, found).labelled  # noqa: B018


def test_every_method_says_what_a_form_needs():
    assert list(METHODS) == ["identity", *FAST, *QUICK, "head-matching", "full-symmetry-matching", "learned-matching"]
    for name, method in METHODS.items():
        assert method.name == name
        assert method.title
        assert len(method.summary) < 80
        assert method.paper.url.startswith("https://arxiv.org/abs/")
        assert all(p.help and p.check(p.default) == p.default for p in method.parameters)


def test_the_public_verb_is_this_one():
    assert lmc_core.align is align
    assert lmc_core.METHODS is METHODS
