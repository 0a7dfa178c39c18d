"""Methods that descend on a loss: Sinkhorn re-basin and straight-through matching."""

import pytest
import torch
from planted import difference, own_labels, planted, random_data
from torch import nn
from zoo import symmetric

from lmc_core.errors import DataError
from lmc_core.methods.align import align
from lmc_core.networks.network import network
from lmc_core.paths.loss import TaskLoss


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
    net, _ = symmetric("resnet_bn")
    data = own_labels(net)
    loss = TaskLoss(net, data, batch=32)
    before = {name: x.clone() for name, x in net.state.items()}
    (batch, *_) = loss.fixed(1)
    assert torch.isfinite(loss(net.state, batch))
    assert difference(before, net.state) == 0
    plain, _ = symmetric("mlp")
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
    net, found = symmetric(norm)
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
