"""Methods of transport, of relations and of gradients: planted orders come back, soft plans say what they change."""

from functools import cache

import numpy as np
import pytest
import torch
from planted import difference, own_labels, planted, random_data
from torch import nn
from zoo import ZOO

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.passes import weight_costs
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.soften import ImplicitSinkhorn, carried_state, near_identity, projected, sinkhorn_operator
from lmc_core.alignment.structure import structural
from lmc_core.alignment.transport import transport
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, DataError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.paths.loss import TaskLoss
from lmc_core.runs.settings import settings
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import identity, permute, random_permutations

QUICK = {
    "ot-alignment": {},
    "gromov-wasserstein": {"restarts": 1},
    "sinkhorn-rebasin": {"steps": 60},
    "straight-through": {"steps": 4, "batch": 32},
}
SMALL = ["mlp", "vgg_bn_flatten", "densenet_cat", "glu", "lstm2", "gru2", "hand_lstm"]


@cache
def member(name):
    """A zoo network in float64 and its symmetry."""
    torch.manual_seed(0)
    module, inputs = ZOO[name]()
    net = network(module.double(), tuple(x.double() if x.is_floating_point() else x for x in inputs))
    return net, symmetry(net, verify=False)


@pytest.fixture(scope="module")
def trained():
    folder = settings().checkpoints / "digits-mlp-32"
    a, b = (load(str(folder / f"seed{k}.safetensors")) for k in (0, 1))
    return a, b, symmetry(a, verify=False), dataset("digits")


@pytest.mark.parametrize("name", ["ot-alignment with responses", "ot-alignment of roots", "relations alone"])
@pytest.mark.parametrize("zoo", ["mlp", "resnet_bn", "lstm2", "gpt_tied_sdpa"])
def test_other_settings_put_a_permuted_copy_back_too(zoo, name):
    method, chosen = {
        "ot-alignment with responses": ("ot-alignment", {"features": "activations"}),
        "ot-alignment of roots": ("ot-alignment", {"squared": False}),
        "relations alone": ("gromov-wasserstein", {"alpha": 1.0}),
    }[name]
    net, found = member(zoo)
    problem = planted(net, found, seed=2)
    alignment = align(net, problem.moved, method, random_data(net), symmetry=found, **chosen)
    assert difference(alignment.transport(problem.moved).state, net.state) == 0


@pytest.mark.parametrize("method", QUICK)
def test_trained_networks_are_put_back_by_every_method(trained, method):
    a, _, found, data = trained
    problem = planted(a, found, seed=3)
    chosen = {"steps": 200} if method == "sinkhorn-rebasin" else QUICK[method]
    alignment = align(a, problem.moved, method, data, symmetry=found, **chosen)
    assert difference(alignment.transport(problem.moved).state, a.state) == 0


@pytest.mark.parametrize("method", QUICK)
@pytest.mark.parametrize("name", SMALL)
def test_no_method_is_worse_than_naive_on_its_own_objective(name, method):
    net, found = member(name)
    torch.manual_seed(7)
    other = net.with_state({k: torch.rand_like(x) + 0.1 if x.is_floating_point() else x for k, x in net.state.items()})
    chosen = {**QUICK[method], "steps": 5} if method == "sinkhorn-rebasin" else QUICK[method]
    alignment = align(net, other, method, own_labels(net), symmetry=found, **chosen)
    assert alignment.history[-1] >= alignment.history[0]
    assert alignment.function_error < 1e-10
    assert set(alignment.couplings) == set(found.groups)


@pytest.mark.parametrize("method", QUICK)
def test_the_same_seed_gives_the_same_alignment(method):
    net, found = member("vgg_bn_flatten")
    problem = planted(net, found, seed=3, noise=2.0)
    first, second = (
        align(net, problem.moved, method, own_labels(net), symmetry=found, seed=5, **QUICK[method]) for _ in range(2)
    )
    assert first.history == second.history
    for group in found.groups:
        assert (first.couplings[group].perm == second.couplings[group].perm).all()


@pytest.mark.parametrize("method", QUICK)
def test_every_method_is_cancelled_by_its_report(method):
    net, found = member("mlp")

    def report(stage, done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        align(net, net, method, own_labels(net), symmetry=found, report=report)


# Optimal transport ----------------------------------------------------------------------------------------------------


def test_soft_plans_are_doubly_stochastic_and_say_how_much_they_change_the_function(trained):
    a, b, found, data = trained
    alignment = align(a, b, "ot-alignment", data, symmetry=found, solver="sinkhorn", epsilon=0.05)
    for coupling in alignment.couplings.values():
        assert not coupling.is_hard
        assert np.allclose(coupling.plan.sum(0), 1 / 32)
        assert np.allclose(coupling.plan.sum(1), 1 / 32)
    assert alignment.function_error > 0.01
    (note,) = alignment.notes
    assert "3 of 3 groups are soft" in note
    assert f"{alignment.function_error:.1%}" in note


def test_the_softer_the_plans_the_more_they_change_the_function(trained):
    a, _, found, _ = trained
    errors = [
        align(a, a, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=e).function_error
        for e in (0.001, 0.02, 0.5)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 0.01 < errors[-1]


@pytest.mark.parametrize("name", ["mlp", "resnet_groupnorm", "gpt_tied_sdpa"])
def test_soft_plans_are_rounded_to_permutations_when_asked(name):
    net, found = member(name)
    problem = planted(net, found, seed=1)
    alignment = align(net, problem.moved, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=0.05, round=True)
    assert all(coupling.is_hard for coupling in alignment.couplings.values())
    assert alignment.notes == ()
    assert difference(alignment.transport(problem.moved).state, net.state) == 0


def test_the_distances_of_a_layer_are_those_of_its_weights_once_the_inputs_are_in_order():
    net, found = member("mlp")
    problem = planted(net, found, seed=1, noise=0.5)
    first, second = blocks(found)
    costs = weight_costs(net, problem.moved, found)
    from lmc_core.alignment.coupling import Coupling

    known = {first.name: Coupling(first.name, perm=problem.perms[first.name])}
    there = permute(problem.moved.state, found, {first.name: problem.perms[first.name]})
    (name,) = (n for n, axes in found.axes.items() if str(axes[0]) == second.name and len(axes) == 2)
    rows = [state[name] for state in (net.state, there)]
    wanted = ((rows[0][:, None] - rows[1]) ** 2).sum(-1).numpy()
    assert np.allclose(costs(second, known).outer, wanted)


def test_a_soft_state_keeps_the_mean_of_what_it_mixes(trained):
    a, b, found, _ = trained
    alignment = align(a, b, "ot-alignment", symmetry=found, solver="sinkhorn", epsilon=10.0)
    mixed = transport(b, found, alignment.couplings).state
    group = next(iter(found.groups))
    name = next(n for n, axes in found.axes.items() if str(axes[0]) == group and len(axes) == 1)
    assert torch.allclose(mixed[name], b.state[name].mean().expand_as(mixed[name]), atol=0.05)


# Gromov–Wasserstein ---------------------------------------------------------------------------------------------------


def test_the_objective_of_relations_is_the_gromov_wasserstein_double_sum_up_to_a_constant():
    net, found = member("mlp")
    problem = planted(net, found, seed=1, noise=1.0)
    objective = structural(net, problem.moved, found, alpha=1.0)
    from lmc_core.alignment.objective import Position

    rng = np.random.default_rng(0)
    totals, sums = [], []
    for _ in range(4):
        perms = {**identity(found), **random_permutations(found, rng)}
        totals.append(Position(objective, perms).total)
        value = 0.0
        for term in objective.terms:
            for name, target in term.targets.items():
                x, y = target.numpy(), objective.still[name].numpy()
                perm = perms[name.removesuffix(": distances")]
                size = np.linalg.norm(x) / np.linalg.norm(y)
                value += ((x / size - y[perm][:, perm]) ** 2).sum() * size
        sums.append(-value / 2)
    assert np.ptp(np.array(totals) - np.array(sums)) < 1e-9 * abs(totals[0])


def test_recurrent_weights_are_compared_on_both_axes_with_one_matrix_per_gate():
    net, found = member("lstm2")
    objective = structural(net, net, found, alpha=1.0)
    names = {name for term in objective.terms for name in term.targets}
    recurrent = {name for name in net.state if "weight_hh" in name}
    assert recurrent <= names
    assert not any(name.startswith("l0") or "weight_ih" in name for name in names)


# Sinkhorn re-basin ----------------------------------------------------------------------------------------------------


def test_the_sinkhorn_operator_is_doubly_stochastic_and_sharpens_to_a_permutation():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 7, 7, generator=rng, dtype=torch.float64)
    soft = sinkhorn_operator(logits, 200)
    for axis in (-1, -2):
        assert torch.allclose(soft.sum(axis), torch.ones(3, 7, dtype=torch.float64), atol=1e-6)
    sharp = sinkhorn_operator(500 * logits, 2000)
    assert float((sharp.max(-1).values).min()) > 0.99


def test_the_gradient_through_the_sinkhorn_operator_and_the_state_is_that_of_finite_differences():
    net, found = member("glu")
    free = near_identity(blocks(found), np.random.default_rng(0), net.device)
    (name,) = free

    def loss(x):
        moved = carried_state(net.state, found, {name: sinkhorn_operator(x, 20)})
        return sum(((moved[n] - y) ** 2).sum() for n, y in net.state.items())

    assert torch.autograd.gradcheck(loss, (free[name].requires_grad_(),))


@pytest.mark.parametrize("shape", [(9, 9), (2, 2, 6, 6)])
def test_the_implicit_gradient_is_the_unrolled_one_where_the_iterations_have_converged(shape):
    generator = torch.Generator().manual_seed(0)
    logits, weight = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    found = []
    for operator in (sinkhorn_operator, ImplicitSinkhorn.apply):
        leaf = logits.clone().requires_grad_()
        plan = operator(leaf, 300)
        (weight * plan + plan**2).sum().backward()
        found.append((plan.detach(), leaf.grad))
    for implicit, unrolled in zip(*found, strict=True):
        assert torch.allclose(implicit, unrolled, atol=1e-7)
    assert float(found[0][1].abs().max()) > 0.01


def test_plans_that_are_all_but_hard_have_a_finite_gradient():
    logits = (200 * torch.eye(6)).requires_grad_()
    plan = ImplicitSinkhorn.apply(logits, 20)
    (plan * torch.randn(6, 6)).sum().backward()
    assert torch.isfinite(plan).all()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", ["mlp", "gpt_tied_sdpa", "lstm2"])
def test_carrying_by_permutation_matrices_is_permuting_and_projecting_gives_them_back(name):
    net, found = member(name)
    perms = random_permutations(found, np.random.default_rng(1))
    plans = {}
    for block in blocks(found):
        n = block.outer.size
        plans[block.name] = torch.eye(n, dtype=torch.float64)[torch.as_tensor(perms[block.name])]
        for group in block.inner:
            inside = torch.eye(group.size, dtype=torch.float64)[torch.as_tensor(perms[group.name])]
            plans[group.name] = inside[:, None].repeat(1, n, 1, 1)
    assert difference(carried_state(net.state, found, plans), permute(net.state, found, perms)) < 1e-12
    back = projected(blocks(found), found, plans)
    assert all((back[g] == perm).all() for g, perm in perms.items())


def test_descending_on_the_midpoint_lowers_its_loss(trained):
    a, b, found, data = trained
    alignment = align(a, b, "sinkhorn-rebasin", data, symmetry=found, loss="midpoint", steps=40)
    assert alignment.history[-1] > alignment.history[0] + 0.1
    assert alignment.function_error < 1e-4


def test_the_midpoint_needs_data_and_weights_do_not(trained):
    a, b, found, _ = trained
    with pytest.raises(DataError, match="needs data"):
        align(a, b, "sinkhorn-rebasin", symmetry=found, loss="midpoint", steps=2)
    assert align(a, b, "sinkhorn-rebasin", symmetry=found, steps=2).history


def test_a_descent_that_still_moves_at_its_end_says_so(trained):
    a, b, found, _ = trained
    alignment = align(a, b, "sinkhorn-rebasin", symmetry=found, steps=10)
    assert not alignment.converged
    assert "had not settled after 10 steps" in alignment.notes[0]


# Straight-through -----------------------------------------------------------------------------------------------------


def test_the_first_permutations_tried_are_those_of_weight_matching(trained):
    a, b, found, data = trained
    first = align(a, b, "straight-through", data, symmetry=found, steps=1, rate=0.0)
    matched = align(a, b, "weight-matching", data, symmetry=found)
    assert all((first.couplings[g].perm == matched.couplings[g].perm).all() for g in found.groups)


def test_straight_through_ends_with_a_midpoint_no_worse_than_weight_matching(trained):
    a, b, found, data = trained
    loss = TaskLoss(a, data, examples=10_000)
    judged = loss.fixed(8)
    learned = align(a, b, "straight-through", data, symmetry=found, steps=60, rate=0.1)
    matched = align(a, b, "weight-matching", data, symmetry=found)
    values = []
    for alignment in (learned, matched):
        moved = alignment.transport(b).state
        values.append(loss.mean({n: (x + moved[n]) / 2 for n, x in a.state.items()}, judged))
    assert values[0] <= values[1]
    assert learned.history[-1] == pytest.approx(-values[0], rel=1e-5)
    assert list(learned.history) == sorted(learned.history)


def test_the_loss_is_that_of_evaluation_and_leaves_running_statistics_alone():
    net, _ = member("resnet_bn")
    data = own_labels(net)
    loss = TaskLoss(net, data, batch=32)
    before = {name: x.clone() for name, x in net.state.items()}
    (batch, *_) = loss.fixed(1)
    assert torch.isfinite(loss(net.state, batch))
    assert difference(before, net.state) == 0
    plain, _ = member("mlp")
    loss = TaskLoss(plain, own_labels(plain), batch=32)
    (batch, *_) = loss.fixed(1)
    wanted = torch.nn.functional.cross_entropy(plain(batch.inputs), batch.targets)
    assert float(loss(plain.state, batch)) == pytest.approx(float(wanted))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_the_loss_of_a_recurrence_is_taken_where_a_gpu_has_gradients_and_without_dropout(kind):
    """cuDNN differentiates recurrences in training mode only, where dropout would act."""

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.fc = kind(5, 6, num_layers=2, dropout=0.5, batch_first=True), nn.Linear(6, 3)
            self.modes = []

        def forward(self, x):
            self.modes.append(self.rnn.training)
            return self.fc(self.rnn(x)[0][:, -1])

    torch.manual_seed(0)
    net = network(Classifier(), (torch.randn(4, 3, 5),))
    loss = TaskLoss(net, random_data(net), batch=32)
    (batch, *_) = loss.fixed(1)
    net.module.modes.clear()
    wanted = torch.nn.functional.cross_entropy(net(batch.inputs), batch.targets)
    assert float(loss(net.state, batch)) == pytest.approx(float(wanted), rel=1e-5)
    assert not any(net.module.modes), "the network itself stays in evaluation mode"
    assert all(loss._module.modes[-1:]), "the copy that is differentiated is in training mode"


@pytest.mark.parametrize("norm", ["resnet_bn", "vgg_bn_flatten"])
def test_the_midpoint_of_networks_with_running_statistics_is_descended_on(norm):
    """Soft plans move running statistics too, which a loss taken by those of the batch does not depend on."""
    net, found = member(norm)
    loss = TaskLoss(net, own_labels(net), batch=32)
    (batch, *_) = loss.fixed(1)
    leaves = {name: x.clone().requires_grad_() for name, x in net.state.items() if x.is_floating_point()}
    running = [name for name in leaves if "running" in name]
    gradient = torch.autograd.grad(loss({**net.state, **leaves}, batch), list(leaves.values()), allow_unused=True)
    still = {name for name, g in zip(leaves, gradient, strict=True) if g is None}
    assert still == set(running)
    assert running
    learned = align(net, planted(net, found, 3).moved, "sinkhorn-rebasin", own_labels(net), loss="midpoint", steps=2)
    assert learned.history


@pytest.mark.parametrize("name", [name for name in METHODS if name != "head-matching"])
def test_a_network_without_hidden_units_stays_as_it_is(name):
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        nets.append(network(nn.Linear(64, 10), (torch.randn(2, 64),)))
    a, b = nets
    found = align(a, b, name, dataset("digits"))
    assert not found.couplings
    assert found.transport(b).state["weight"] is b.state["weight"]


def test_methods_that_descend_on_a_loss_say_that_they_need_data():
    net, found = member("mlp")
    with pytest.raises(DataError, match="needs data"):
        align(net, net, "straight-through", symmetry=found)
    with pytest.raises(DataError, match="needs data"):
        Problem(net, net, found).labelled  # noqa: B018


def test_every_method_is_in_the_list_after_the_first_five():
    assert list(METHODS)[5:] == ["frank-wolfe", *QUICK, "head-matching"]
