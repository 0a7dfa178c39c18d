"""What targets are besides classes: numbers, several labels, a class for every position; and what is said of them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lmc_core.cli import main
from lmc_core.data.arrays import load
from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError
from lmc_core.networks.families import architecture
from lmc_core.networks.network import Network, network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.loss import TaskLoss
from lmc_core.paths.path import LinearPath
from lmc_core.runs.summary import summary
from lmc_core.runs.work.fuse import fuse_run
from lmc_core.runs.work.path import path_run
from lmc_core.training.finetune import measure
from lmc_core.training.train import Recipe, train
from lmc_core.words.measures import MEASURES

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 6)).astype(np.float32)
HIDDEN = np.tanh(X @ RNG.standard_normal((6, 5)).astype(np.float32))
NUMBERS = 3 + 2 * HIDDEN @ RNG.standard_normal((5, 2)).astype(np.float32) * np.array([1, 100], np.float32)
LABELS = (HIDDEN[:, :3] > 0).astype(np.int64)
POSITIONS = (HIDDEN > 0).astype(np.int64) + (HIDDEN > 0.5)


def data(y: np.ndarray, **how: Any) -> Dataset:
    return Dataset("made", X[:200], y[:200], X[200:], y[200:], (), **how)


def mlp(outputs: int, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return network(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, outputs)), torch.randn(2, 6))


class PerPosition(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 15)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(torch.tanh(self.a(x))).reshape(-1, 5, 3)


def test_the_loss_of_numbers_is_the_error_over_their_variance_column_by_column() -> None:
    net, asked = mlp(2), data(NUMBERS)
    found = evaluate(LinearPath(net, net), asked, points=2)
    error = net(torch.from_numpy(asked.x_test)).numpy() - asked.y_test
    unit = asked.y_test.std(0)
    assert found.loss()[0] == pytest.approx(np.mean((error / unit) ** 2), rel=1e-4)
    assert found.accuracy()[0] == pytest.approx(np.mean(np.abs(error / unit) <= 0.5), abs=1e-6)
    assert found.task == "regression"
    assert "Targets are numbers" in found.notes[0]


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_the_unit_of_numbers_does_not_change_their_loss(unit: float) -> None:
    """The mean of the targets has a loss of 1 in every unit."""
    net = mlp(2)
    still = {**{k: torch.zeros_like(v) for k, v in net.state.items()}}
    asked = data(NUMBERS * np.float32(unit))
    still["2.bias"] = torch.from_numpy(asked.y_test.mean(0))
    guess = net.with_state(still)
    assert evaluate(LinearPath(guess, guess), asked, points=2).loss()[0] == pytest.approx(1, rel=1e-3)


def test_several_labels_are_each_right_or_wrong() -> None:
    net = mlp(3)
    found = evaluate(LinearPath(net, net), data(LABELS), points=2)
    logits = net(torch.from_numpy(X[200:]))
    wanted = nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(LABELS[200:]).float())
    assert found.loss()[0] == pytest.approx(float(wanted), rel=1e-5)
    assert found.accuracy()[0] == pytest.approx(float(((logits > 0).numpy() == LABELS[200:]).mean()), abs=1e-6)
    assert found.task == "labels"


def test_every_position_has_a_class_of_its_own() -> None:
    torch.manual_seed(0)
    net = network(PerPosition(), torch.randn(2, 6))
    found = evaluate(LinearPath(net, net), data(POSITIONS), points=2)
    logits = net(torch.from_numpy(X[200:])).reshape(-1, 3)
    wanted = nn.functional.cross_entropy(logits, torch.from_numpy(POSITIONS[200:]).reshape(-1))
    assert found.loss()[0] == pytest.approx(float(wanted), rel=1e-5)
    assert found.task == "positions"


def test_whole_numbers_are_classes_unless_somebody_says_that_they_are_numbers() -> None:
    counts = np.round(np.abs(NUMBERS[:, :1])).astype(np.int64)
    net = mlp(1)
    with pytest.raises(DataError, match="say task=regression"):
        evaluate(LinearPath(net, net), data(counts[:, 0]), points=2)
    assert evaluate(LinearPath(net, net), data(counts[:, 0], task="regression"), points=2).task == "regression"
    with pytest.raises(DataError, match="task=labels: targets are 0 and 1"):
        evaluate(LinearPath(net, net), data(counts, task="labels"), points=2)
    with pytest.raises(DataError, match="say regression"):
        evaluate(LinearPath(net, net), data(NUMBERS[:, :1], task="classification"), points=2)
    with pytest.raises(DataError, match="does not fit targets"):
        evaluate(LinearPath(net, net), data(NUMBERS), points=2)


@pytest.mark.parametrize(("y", "outputs"), [(NUMBERS, 2), (LABELS, 3)])
def test_what_is_measured_learned_and_averaged_is_one_loss(y: np.ndarray, outputs: int) -> None:
    net, asked = mlp(outputs), data(y)
    whole = evaluate(LinearPath(net, net), asked, points=2)
    scores = measure(net, asked, ("test",))["test"]
    assert scores["loss"] == pytest.approx(whole.loss()[0], rel=1e-4)
    assert scores["accuracy"] == pytest.approx(whole.accuracy()[0], abs=1e-6)
    task = TaskLoss(net, asked, batch=200)
    assert task.mean(net.state, task.fixed(1)) == pytest.approx(whole.loss("train")[0], rel=0.2)
    fused, _ = fuse_run([net, net], asked, method="vanilla-average", settings={}, points=2)
    assert fused.outcome.ensemble is not None
    assert fused.outcome.ensemble["test"]["loss"] == pytest.approx(whole.loss()[0], rel=1e-4)


@pytest.fixture(scope="module")
def fitted() -> tuple[Network, Network]:
    """Two networks that were fitted to the numbers."""
    made = architecture("mlp", widths=(6, 24, 2), activation="tanh")
    how = {"optimiser": "adam", "rate": 1e-2, "batch": 25, "epochs": 200}
    first, second = (train(Recipe("numbers", made, "digits", **how), seed, data=data(NUMBERS)) for seed in (0, 1))
    return first, second


def test_networks_that_predict_numbers_are_trained_aligned_and_described_in_their_own_words(fitted) -> None:
    asked = data(NUMBERS)
    scores = measure(fitted[0], asked, ("test",))["test"]
    assert scores["loss"] < 0.2
    result, _ = path_run(*fitted, asked, method="activation-matching", points=5)
    assert result.aligned.barrier() < 0.5 * result.naive.barrier()
    said = summary("path", result)
    words = " ".join([str(said.finding), *(f"{card.label} {card.help}" for card in said.cards), said.tables[0].note])
    assert "accuracy" not in words.lower()
    assert "share within half a deviation" in words
    assert "squared error over the variance" in said.tables[0].note
    drawn = said.pictures()[0].figure.to_plotly_json()
    assert "accuracy" not in str(drawn["layout"]["annotations"]).lower()


def test_the_command_line_is_told_the_task(fitted, tmp_path, capsys) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for net, file in zip(fitted, files, strict=True):
        net.save(file)
    whole = np.round(NUMBERS[:, :1] * 5).astype(np.float64).clip(0)
    own = tmp_path / "own.npz"
    np.savez(own, x_train=X[:200], y_train=NUMBERS[:200], x_test=X[200:], y_test=NUMBERS[200:])
    assert load(own).classes == ()
    assert main(["path", *map(str, files), "--data", str(own), "--points", "3"]) == 0
    assert "share within half a deviation" in capsys.readouterr().out
    np.savez(own, x_train=X[:200], y_train=whole[:200], x_test=X[200:], y_test=whole[200:])
    one = architecture("mlp", widths=(6, 8, 1))
    short = Recipe("counts", one, "digits", optimiser="adam", rate=1e-3, batch=50, epochs=2)
    for seed, file in enumerate(files):
        train(short, seed, data=data(whole.astype(np.float32))).save(file)
    assert main(["path", *map(str, files), "--data", str(own), "--points", "3"]) == 2
    assert "task=regression" in capsys.readouterr().err
    assert main(["path", *map(str, files), "--data", str(own), "--points", "3", "--task", "regression"]) == 0


def test_names_are_put_in_once_however_often_they_are() -> None:
    named = MEASURES["tokens"]
    once = named.said("Accuracy half-way; the accuracy of both")
    assert once == "Next-token accuracy half-way; the next-token accuracy of both"
    assert named.said(once) == once
    assert MEASURES["classification"].said(once.replace("next-token ", "")) == once.replace("next-token ", "")
