"""Readings raced on training examples: the best wins, nobody close to it is given up, and a clear race is short."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch import nn

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network, network
from lmc_core.networks.race import CLOSE, ROUNDS, raced
from lmc_core.networks.reading import decided
from lmc_core.networks.scale import doubted, fitted
from lmc_core.networks.values import Normalize

MOST = 1_000
SHIPPED = Path(__file__).parents[2] / "checkpoints" / "digits-mlp-128" / "seed0.safetensors"


def scaled(factor: float) -> Network:
    """The shipped network on inputs of another scale."""
    return replace(load(SHIPPED), normalize=Normalize((0.0,), (factor,)))


def test_a_reading_that_is_far_behind_is_given_up_after_the_first_round() -> None:
    good, bad = raced(
        [[scaled(1.0)], [replace(load(SHIPPED), normalize=Normalize((5.0,), (1.0,)))]], dataset("digits"), MOST
    )
    assert bad[0].examples == good[0].examples == ROUNDS[0]
    assert good[0].loss < bad[0].loss
    assert good[0].accuracy > bad[0].accuracy


def test_readings_that_are_alike_run_to_the_end_on_the_same_examples() -> None:
    first, second = raced([[scaled(1.0)], [scaled(1.0)]], dataset("digits"), MOST)
    assert first == second
    assert first[0].examples == MOST


@pytest.mark.parametrize("seed", range(5))
def test_the_winner_is_the_one_that_all_examples_say(seed: int) -> None:
    """Linear maps whose losses differ by little and by much: given up is nobody within 2 · CLOSE of the best."""
    rng, data = np.random.default_rng(seed), planted(seed)
    readings = [[linear(data, noise)] for noise in rng.permutation([0.0, 0.02, 0.5, 1.0, 3.0])]
    found = raced(readings, data, len(data.y_train))
    alone = [raced([reading, reading], data, len(data.y_train))[0][0] for reading in readings]
    assert {score.examples for score in alone} == {len(data.y_train)}, "a race against oneself has no winner"
    assert int(np.argmin([only.loss for (only,) in found])) == int(np.argmin([score.loss for score in alone]))
    assert any(only.examples < len(data.y_train) for (only,) in found)
    for (only,), score in zip(found, alone, strict=True):
        assert only.examples == len(data.y_train) or score.loss > min(each.loss for each in alone) * (1 + CLOSE)
        assert only.loss == pytest.approx(score.loss, rel=0.5), "of who was given up: about what all examples say"


def test_the_losses_of_a_pair_count_together() -> None:
    """Each network alone would choose another reading; the sum chooses for both."""
    mild, harsh = scaled(1.0), replace(load(SHIPPED), normalize=Normalize((5.0,), (1.0,)))
    both, one = raced([[mild, mild], [mild, harsh]], dataset("digits"), MOST)
    assert len(both) == len(one) == 2
    assert sum(s.loss for s in both) < sum(s.loss for s in one)


def test_no_reading_is_begun_when_the_time_is_over() -> None:
    first, second = raced([[scaled(1.0)], [scaled(2.0)]], dataset("digits"), MOST, limit=0.0)
    assert first
    assert second == []


UNFIT = {
    "numbers": lambda y: y.astype(np.float32),
    "several numbers": lambda y: np.stack([y, y], 1).astype(np.float32),
    "labels": lambda y: (np.arange(10) == y[:, None]).astype(np.int64),
    "more classes than outputs": lambda y: y + 90,
    "a class per pixel": lambda y: np.repeat(y[:, None, None], 8, 1),
}


@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("readings", [fitted, decided, doubted])
def test_a_network_that_examples_cannot_judge_is_left_as_it_is_assumed(
    kind: str, readings: Callable[..., Any], tmp_path: Path
) -> None:
    save_file({name: np.array(x) for name, x in load_file(SHIPPED).items()}, tmp_path / "bare.safetensors")
    bare, data = load(tmp_path / "bare.safetensors"), dataset("digits")
    unfit = replace(data, y_train=UNFIT[kind](data.y_train), y_test=UNFIT[kind](data.y_test))
    found = readings([bare, bare], unfit)
    assert list(found) == ([] if readings is doubted else [bare, bare])


def test_what_gives_no_logits_is_not_raced() -> None:
    data = dataset("digits")
    assert (
        raced([[network(nn.Flatten(), (torch.zeros(2, 8, 8),))]], replace(data, y_train=data.y_train + 90), 100) == []
    )
    numbers = replace(data, y_train=data.y_train.astype(np.float32))
    assert raced([[scaled(1.0)]], numbers, 100) == []


def planted(seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4_000, 6)).astype(np.float32)
    return Dataset(
        "planted", x, x[:, :3].argmax(1).astype(np.int64), x[:50], x[:50, :3].argmax(1).astype(np.int64), tuple("abc")
    )


def linear(data: Dataset, noise: float) -> Network:
    layer = nn.Linear(6, 3)
    rng = np.random.default_rng(7)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.eye(3, 6) + noise * rng.normal(size=(3, 6))))
        layer.bias.zero_()
    return network(layer, (torch.zeros(2, 6),))
