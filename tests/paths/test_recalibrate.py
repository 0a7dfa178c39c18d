"""BatchNorm reset and REPAIR against torch, against their definition, and on trained networks."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from zoo import ZOO

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.errors import SettingError
from lmc_core.graph.trace import trace
from lmc_core.methods.align import align
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture, build
from lmc_core.networks.network import network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.paths.recalibrate import default_recalibration, recalibrate


@pytest.fixture(scope="module")
def digits():
    return dataset("digits")


def norms() -> nn.Module:
    """A convolutional net with BatchNorm after a convolution and after a linear layer, and a plain head."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 12),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(12, 10),
    )


def plain(bias: bool = True) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, bias=bias),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(54, 12, bias=bias),
        nn.Tanh(),
        nn.Linear(12, 10, bias=bias),
    )


def pair(make, *, trained: Dataset | None = None, epochs: int = 6, shape=(1, 8, 8)) -> LinearPath:
    """Two networks of the same module from two seeds; with `trained`, after a few epochs on it."""
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        module = make()
        if trained is not None:
            x, y = torch.from_numpy(trained.x_train).reshape(-1, *shape), torch.from_numpy(trained.y_train)
            optimiser = torch.optim.Adam(module.parameters(), 5e-3)
            for _ in range(epochs):
                for rows in torch.randperm(len(x)).split(64):
                    optimiser.zero_grad()
                    nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
                    optimiser.step()
        nets.append(network(module, torch.zeros(2, *shape)))
    return LinearPath(nets[0], nets[0].with_state(nets[1].state))


def test_batch_norm_reset_is_a_train_mode_pass_with_cumulative_averages(digits):
    path = pair(norms)
    found = recalibrate(path, digits, 0.4, method="bn-reset", examples=300, batch=100, seed=5)
    module = copy.deepcopy(path.network.module)
    module.load_state_dict(dict(path(0.4)))
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.reset_running_stats()
            part.momentum = None
            part.train()
    rows = np.random.default_rng(5).permutation(len(digits.x_train))[:300]
    with torch.no_grad():
        for part in torch.from_numpy(digits.x_train[rows]).reshape(-1, 1, 8, 8).split(100):
            module(part)
    for name, x in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(found.network.state[name], x, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(found.network.state["1.running_mean"], path(0.4)["1.running_mean"], atol=1e-3)
    assert found.affine == {}


@pytest.mark.parametrize("make", [plain, lambda: plain(bias=False)])
def test_repair_of_a_network_with_itself_changes_nothing(make, digits):
    a = pair(make).a
    path = LinearPath(a, a)
    found = recalibrate(path, digits, 0.3, method="repair", examples=400, batch=100)
    assert all(torch.equal(x, a.state[name]) for name, x in found.network.state.items())
    for scale, shift in found.affine.values():
        assert torch.equal(scale, torch.ones_like(scale))
        assert torch.equal(shift, torch.zeros_like(shift))
    whole, repaired = evaluate(path, digits, points=5), evaluate(path, digits, points=5, recalibrate="repair")
    np.testing.assert_array_equal(whole.loss(), repaired.loss())


@pytest.mark.parametrize("name", ZOO)
def test_repair_runs_on_every_architecture_and_leaves_a_network_between_itself_and_itself_alone(name):
    module, (example,) = ZOO[name]()
    a = network(module, (example,))
    rng = np.random.default_rng(0)
    shape = (24, *example.shape[1:])
    x = rng.normal(size=shape) if example.is_floating_point() else rng.integers(0, 11, shape)
    y = np.zeros(24, np.int64)
    found = recalibrate(LinearPath(a, a), Dataset("random", x, y, x, y, ("0",)), method="repair", batch=8)
    assert all(torch.isfinite(value).all() for value in found.network.state.values())
    if default_recalibration(a) is None:
        assert all(torch.equal(value, a.state[key]) for key, value in found.network.state.items())
        assert all(torch.equal(scale, torch.ones_like(scale)) for scale, _ in found.affine.values())
        assert all(torch.equal(shift, torch.zeros_like(shift)) for _, shift in found.affine.values())
    else:
        assert any("running" in key and not torch.equal(v, a.state[key]) for key, v in found.network.state.items())


def test_repair_gives_every_hidden_unit_the_mean_and_deviation_between_those_of_the_ends(digits):
    path, t, n = pair(plain), 0.25, 600
    found = recalibrate(path, digits, t, method="repair", examples=n, batch=n, seed=3)
    rows = np.random.default_rng(3).permutation(len(digits.x_train))[:n]
    x = torch.from_numpy(digits.x_train[rows]).reshape(-1, 1, 8, 8)
    traced = trace(path.network, n)
    layers = [node.name for node in traced.graph.nodes if node.name.startswith(("conv", "linear"))]
    assert len(layers) == 3

    def statistics(state) -> dict[str, tuple[Tensor, Tensor]]:
        _, values = traced.run(state, (x,), watch=layers)
        units = {name: z.movedim(1, -1).flatten(0, -2) for name, z in values.items()}
        return {name: (z.mean(0), z.std(0)) for name, z in units.items()}

    a, b, repaired = (statistics(state) for state in (path.a.state, path.b.state, found.network.state))
    naive = statistics(dict(path(t)))
    for name in layers[:-1]:
        for i in range(2):
            torch.testing.assert_close(repaired[name][i], torch.lerp(a[name][i], b[name][i], t), rtol=2e-3, atol=2e-3)
    assert (naive[layers[-2]][1] < 0.9 * repaired[layers[-2]][1]).all()  # the collapse that was repaired
    for name in ("6.weight", "6.bias"):  # the layer that makes the logits
        assert torch.equal(found.network.state[name], path(t)[name])


def test_folding_gives_what_evaluation_computes(digits):
    path = pair(plain)
    profile = evaluate(path, digits, points=3, recalibrate="repair", batch=359)
    size = 359
    count = len(digits.x_train) // size * size
    found = recalibrate(path, digits, 0.5, method="repair", examples=count, batch=size)
    assert found.affine == {}
    x = found.network.prepare(torch.from_numpy(digits.x_test))
    loss = nn.functional.cross_entropy(found.network(x), torch.from_numpy(digits.y_test))
    assert profile.loss()[1] == pytest.approx(float(loss), rel=1e-4)


def test_layers_without_a_bias_keep_their_correction_beside_the_network(digits):
    path = pair(lambda: plain(bias=False))
    found = recalibrate(path, digits, 0.5, method="repair", examples=359, batch=359)
    assert len(found.affine) == 2
    profile = evaluate(path, digits, points=3, recalibrate="repair", batch=359)
    x = found.network.prepare(torch.from_numpy(digits.x_test))
    loss = nn.functional.cross_entropy(found(x), torch.from_numpy(digits.y_test))
    unrepaired = nn.functional.cross_entropy(found.network(x), torch.from_numpy(digits.y_test))
    assert abs(profile.loss()[1] - float(loss)) < 0.2 * abs(profile.loss()[1] - float(unrepaired))


def test_the_ends_are_never_recalibrated(digits):
    path = pair(norms)
    whole = evaluate(path, digits, points=3)
    for method in ("bn-reset", "repair"):
        found = evaluate(path, digits, points=3, recalibrate=method)
        assert found.recalibrate == method
        np.testing.assert_array_equal(found.loss()[[0, 2]], whole.loss()[[0, 2]])
        assert found.loss()[1] != whole.loss()[1]


def test_batch_norm_reset_rescues_the_midpoint_of_trained_networks(digits):
    path = pair(norms, trained=digits)
    aligned = LinearPath(path.a, align(path.a, path.b, "weight-matching").transport(path.b))
    whole, reset = evaluate(aligned, digits, points=3), evaluate(aligned, digits, points=3, recalibrate="bn-reset")
    assert whole.accuracy()[0] > 0.9
    assert reset.midpoint("test", "accuracy") > whole.midpoint("test", "accuracy") + 0.1
    assert reset.barrier() < whole.barrier()


def residual() -> nn.Module:
    """A residual network with BatchNorm, as the family builds it."""
    return build(architecture("resnet", blocks=(1, 1), widths=(6, 12), input_shape=(1, 8, 8)))


def test_repair_of_residual_networks_with_batch_norm_raises_no_loss_over_a_reset(digits):
    path = pair(residual, trained=digits, epochs=4)
    aligned = LinearPath(path.a, align(path.a, path.b, "weight-matching").transport(path.b))
    reset, repaired = (evaluate(aligned, digits, points=3, recalibrate=how) for how in ("bn-reset", "repair"))
    assert reset.accuracy()[0] > 0.6
    assert repaired.midpoint("test", "loss") <= reset.midpoint("test", "loss") + 1e-6
    assert repaired.midpoint("test", "accuracy") == reset.midpoint("test", "accuracy")


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn"])
def test_repair_lowers_the_barrier_of_aligned_trained_networks(name, digits):
    a, b = (load(f"checkpoints/{name}/seed{seed}.safetensors") for seed in (0, 1))
    aligned = LinearPath(a, align(a, b, "weight-matching").transport(b))
    whole, repaired = evaluate(aligned, digits, points=5), evaluate(aligned, digits, points=5, recalibrate="repair")
    assert repaired.barrier() < whole.barrier()
    assert repaired.midpoint("test", "loss") < whole.midpoint("test", "loss")


def test_recurrent_weights_are_left_alone_and_named(digits):
    a, b = (load(f"checkpoints/digits-lstm/seed{seed}.safetensors") for seed in (0, 1))
    found = evaluate(LinearPath(a, b), digits, points=3, train_examples=200, test_examples=50, recalibrate="repair")
    assert any("weight_hh" in note for note in found.notes)
    assert np.isfinite(found.loss()).all()


def test_without_batch_norm_there_is_nothing_to_reset_and_it_says_so(digits):
    path = pair(plain)
    found = evaluate(path, digits, points=3, recalibrate="bn-reset")
    np.testing.assert_allclose(found.loss(), evaluate(path, digits, points=3).loss(), rtol=1e-6)
    assert "no BatchNorm" in found.notes[0]


def test_batch_norm_is_reset_by_default_and_other_networks_are_left_alone():
    assert default_recalibration(pair(norms).a) == "bn-reset"
    assert default_recalibration(pair(plain).a) is None


def test_an_unknown_recalibration_is_refused(digits):
    with pytest.raises(SettingError, match="bn-reset, repair"):
        evaluate(pair(plain), digits, points=3, recalibrate="reset")
