"""Curves between networks: ends and corners exact, trained bends low in loss, evaluated as every path is."""

import json

import numpy as np
import pytest
import torch
from planted import difference, random_data
from zoo import ZOO

from lmc_core.cli import main
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, MismatchError, SettingError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.paths.curves import Curve, coefficients, through, train_curve
from lmc_core.paths.evaluate import evaluate, evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.runs.settings import settings


@pytest.fixture(scope="module")
def pair():
    folder = settings().checkpoints / "digits-mlp-32"
    a, b = (load(str(folder / f"seed{k}.safetensors")) for k in (0, 1))
    return a, b.to(), dataset("digits")


def member(name, seed=0):
    torch.manual_seed(seed)
    module, inputs = ZOO[name]()
    return network(module.double(), tuple(x.double() if x.is_floating_point() else x for x in inputs))


def other(net, seed=1):
    generator = torch.Generator().manual_seed(seed)
    state = {
        n: x + 0.3 * torch.rand(x.shape, generator=generator, dtype=x.dtype) if x.is_floating_point() else x + seed
        for n, x in net.state.items()
    }
    return net.with_state(state)


@pytest.mark.parametrize("kind", ["bezier", "chain"])
@pytest.mark.parametrize("points", [2, 3, 5])
def test_the_shares_of_the_control_points_sum_to_one_and_pick_the_ends(kind, points):
    for t in np.linspace(0, 1, 11):
        shares = coefficients(kind, points, float(t))
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0
    assert coefficients(kind, points, 0.0) == (1, *(0,) * (points - 1))
    assert coefficients(kind, points, 1.0) == (*(0,) * (points - 1), 1)


def test_a_bezier_curve_is_the_closed_form_and_a_chain_passes_its_corners():
    a = member("mlp")
    b, c = other(a, 1), other(a, 2)
    t = 0.3
    state = Curve("bezier", (a, b, c))(t)
    for name, x in a.state.items():
        wanted = (1 - t) ** 2 * x + 2 * t * (1 - t) * b.state[name] + t**2 * c.state[name]
        assert torch.allclose(state[name], wanted)
    chain = through(a, b, c)
    assert chain(0.0) is a.state
    assert chain(0.5) is b.state
    assert chain(1.0) is c.state
    quarter = chain(0.25)
    assert all(torch.allclose(quarter[n], (x + b.state[n]) / 2) for n, x in a.state.items())


@pytest.mark.parametrize("name", ["mlp", "resnet_bn", "lstm2"])
def test_points_on_the_straight_line_make_either_curve_that_line(name):
    a = member(name)
    b = other(a)
    line = LinearPath(a, b)
    middle = a.with_state(dict(line(0.5)))
    for kind in ("bezier", "chain"):
        curve = Curve(kind, (a, middle, b))
        for t in (0.2, 0.4, 0.9):
            state, wanted = curve(t), line(t)
            assert all(torch.allclose(state[n], wanted[n]) for n, x in a.state.items() if x.is_floating_point())


def test_whole_numbers_of_a_state_are_not_mixed():
    a = member("resnet_bn")
    b = other(a)
    state = Curve("bezier", (a, b, b))(0.1)
    counts = [n for n, x in a.state.items() if not x.is_floating_point()]
    assert counts
    assert all(state[n].dtype == a.state[n].dtype and (state[n] == a.state[n]).all() for n in counts)


def test_a_trained_curve_is_far_lower_than_the_line_before_any_alignment(pair):
    a, b, data = pair
    curve = train_curve(a, b, data, epochs=15, seed=1)
    line, bent = (evaluate(path, data, points=11) for path in (LinearPath(a, b), curve))
    assert line.barrier("test", "loss") > 1
    assert bent.barrier("test", "loss") < 0.3 * line.barrier("test", "loss")
    assert curve.history[-1] < curve.history[0]
    assert len(curve.history) == 15
    for metric in ("loss", "accuracy"):
        for end in (0, -1):
            assert bent.values["test"][metric][end] == pytest.approx(line.values["test"][metric][end], rel=1e-5)


def test_chains_of_several_bends_are_trained_too_and_only_the_bends_move(pair):
    a, b, data = pair
    curve = train_curve(a, b, data, kind="chain", bends=2, epochs=6)
    assert len(curve.points) == 4
    assert curve.points[0].state is a.state
    assert curve.points[-1].state is b.state
    line = LinearPath(a, b)
    for k in (1, 2):
        assert difference(curve.points[k].state, dict(line(k / 3))) > 0.01
    peak = evaluate(curve, data, points=13).barrier("train", "loss")
    assert peak < evaluate(line, data, points=13).barrier("train", "loss")


def test_training_a_curve_descends_on_the_gradient_of_the_mean_loss_along_it():
    """One step with one t: the bend moves against share · gradient of the loss at φ(t)."""
    a = member("mlp")
    b, data = other(a), random_data(a)
    from lmc_core.paths.loss import TaskLoss

    rate = 0.05
    batch = len(data.x_train)
    curve = train_curve(a, b, data, epochs=1, batch=batch, rate=rate, seed=4)
    t = float(np.random.default_rng([4, 11]).uniform())
    middle = dict(LinearPath(a, b)(0.5))
    shares = coefficients("bezier", 3, t)
    name = next(n for n, x in a.state.items() if x.ndim == 2)
    loss = TaskLoss(a, data, batch=batch, seed=4)
    (examples,) = loss.fixed(1)

    def at(shift):
        bend = {**middle, name: middle[name] + shift}
        mixed = {n: shares[0] * x + shares[1] * bend[n] + shares[2] * b.state[n] for n, x in a.state.items()}
        return float(loss(mixed, examples))

    moved = curve.points[1].state[name] - middle[name]
    generator = torch.Generator().manual_seed(0)
    step = 1e-7 * torch.randn(moved.shape, generator=generator, dtype=moved.dtype)
    slope = (at(step) - at(-step)) / 2
    assert float((moved * step).sum()) == pytest.approx(-rate * slope, rel=1e-3)


@pytest.mark.parametrize("name", ["vgg_bn_flatten", "resnet_bn", "hand_lstm"])
def test_curves_are_trained_and_recalibrated_on_other_architectures(name):
    a = member(name)
    b, data = other(a), random_data(a)
    curve = train_curve(a, b, data, epochs=3, batch=16, rate=0.02)
    assert curve.history[-1] < curve.history[0]
    reset = "bn-reset" if "bn" in name else None
    profile = evaluate(curve, data, points=3, recalibrate=reset)
    assert np.isfinite(profile.loss("train")).all()
    statistics = [n for n in a.state if "running" in n]
    for n in statistics:  # blended, not trained
        assert torch.allclose(curve.points[1].state[n], (a.state[n] + b.state[n]) / 2)


def test_the_same_seed_gives_the_same_curve_and_another_one_another(pair):
    a, b, data = pair
    first, again, third = (train_curve(a, b, data, epochs=1, seed=s).points[1].state for s in (3, 3, 4))
    assert difference(first, again) == 0
    assert difference(first, third) > 0


def test_curves_share_their_ends_with_lines_when_evaluated_together(pair):
    a, b, data = pair
    middle = a.with_state(dict(LinearPath(a, b)(0.5)))
    b = b.with_state(b.state)
    from dataclasses import replace

    b = replace(b, module=a.module)
    line, chain = evaluate_many([LinearPath(a, b), through(a, middle, b)], data, points=5, train_examples=100)
    assert np.allclose(line.loss(), chain.loss(), rtol=1e-4)


def test_training_reports_and_is_cancelled(pair):
    a, b, data = pair
    seen = []

    def report(stage, done, total):
        seen.append((stage, done, total))
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_curve(a, b, data, epochs=2, report=report)
    assert [done for _, done, _ in seen] == [0, 1, 2, 3]
    assert {stage for stage, _, _ in seen} == {"training the curve"}


def test_curves_that_cannot_be_are_refused(pair):
    a, b, data = pair
    with pytest.raises(SettingError, match="epochs=0"):
        train_curve(a, b, data, epochs=0)
    with pytest.raises(SettingError, match="not 'spline'"):
        Curve("spline", (a, b))
    with pytest.raises(SettingError, match="two ends"):
        Curve("chain", (a,))
    with pytest.raises(MismatchError):
        through(a, member("mlp"))
    with pytest.raises(SettingError, match="outside"):
        through(a, b)(1.5)


PATH = ["path", "digits-mlp-32/seed0", "digits-mlp-32/seed1", "--points", "5", "--train-examples", "500"]


def answer(capsys, *words):
    assert main([*PATH, *words, "--device", "cpu", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_measures_a_curve_beside_both_lines_and_leaves_them_as_they_are(capsys):
    plain, bent = answer(capsys), answer(capsys, "--curve", "bezier", "--curve-epochs", "4")
    assert plain["curve"] is None
    for key in ("naive", "barrier", "midpoint", "test", "train", "finding"):
        assert bent[key] == plain[key]
    curve = bent["curve"]
    assert (curve["kind"], curve["title"]) == ("bezier", "Bézier curve, 1 free point, 4 epochs")
    assert len(curve["history"]) == 4
    assert curve["barrier"]["train"]["loss"] <= bent["barrier"]["train"]["loss"]
    assert curve["test"]["loss"][0] == pytest.approx(bent["test"]["loss"][0], rel=1e-5)
    assert curve["test"]["loss"][-1] == pytest.approx(bent["test"]["loss"][-1], rel=1e-5)
    assert bent["seconds"]["curve"] > 0


def test_without_alignment_the_command_bends_the_path_between_the_networks_as_they_are(pair, capsys):
    a, b, data = pair
    found = answer(capsys, "--method", "identity", "--curve", "chain", "--curve-epochs", "6", "--curve-bends", "2")
    alone = train_curve(a, b, data, kind="chain", bends=2, epochs=6, examples=500)
    assert found["curve"]["history"] == pytest.approx(alone.history, rel=1e-5)
    losses = evaluate(alone, data, points=5, train_examples=500).loss()
    assert found["curve"]["test"]["loss"] == pytest.approx(losses, rel=1e-4)
    assert found["naive"]["test"] == found["test"]
    assert found["curve"]["barrier"]["test"]["loss"] < 0.7 * found["naive"]["barrier"]["test"]["loss"]


def test_the_command_leads_the_path_through_a_network(pair, tmp_path, capsys):
    a, _, _ = pair
    a.save(str(tmp_path / "again.safetensors"))
    found = answer(capsys, "--through", str(tmp_path / "again.safetensors"))
    curve = found["curve"]
    assert (curve["kind"], curve["title"], curve["history"]) == ("through", "Through again", [])
    assert curve["test"]["loss"][1] == pytest.approx(curve["test"]["loss"][0], rel=1e-5)  # A, halfway from A to A
    assert curve["test"]["loss"][4] == pytest.approx(found["test"]["loss"][4], rel=1e-5)


def test_the_table_of_the_command_shows_the_curve(capsys):
    assert main([*PATH, "--curve", "chain", "--curve-epochs", "2", "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    _, curve = text.split("Polygonal chain, 1 free point, 2 epochs, from A to aligned B")
    assert [line.split()[:2] for line in curve.splitlines()[2:4]] == [["test", "loss"], ["test", "accuracy"]]
    assert "in the last of 2" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--through", "digits-mlp-32/seed0", "--curve", "chain"], "leave out --curve chain"),
        (["--through", "digits-mlp-32/seed0", "--curve-epochs", "3"], "has no option 'epochs'"),
        (["--through", "digits-mlp-128/seed0"], "cannot lead through"),
        (["--curve-bends", "2"], "has no option 'bends'"),
        (["--curve", "bezier", "--curve-bends", "9"], "from 1 to 5"),
    ],
)
def test_the_command_refuses_curves_that_cannot_be(words, said, capsys):
    assert main([*PATH, *words]) == 2
    assert said in capsys.readouterr().err
