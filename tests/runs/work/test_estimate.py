"""What is said of the time before the first step: from the first passes, scaled by what was asked for."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import path_request

from lmc_core.data.registry import dataset
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.report import Report
from lmc_core.runs.engine.worker import Telling
from lmc_core.runs.kinds.path import STAGES
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library.entry import bind
from lmc_core.runs.values.status import EXPECTED
from lmc_core.runs.work import estimate
from lmc_core.runs.work.path import work

CHECKPOINTS = Path(__file__).parents[3] / "checkpoints"
A, B = "digits-mlp-128/seed0", "digits-mlp-128/seed1"


def asked(**changes: Any) -> Request:
    return path_request(A, B, **changes)


def test_twice_the_points_and_twice_the_examples_are_about_twice_the_passes() -> None:
    one = estimate.passes(asked(points=25, train_examples=0), 10_000, 10_000)
    points = estimate.passes(asked(points=50, train_examples=0), 10_000, 10_000)
    examples = estimate.passes(asked(points=25, train_examples=0), 20_000, 20_000)
    assert points / one == pytest.approx(2, abs=0.15)
    assert examples / one == pytest.approx(2, abs=0.15)
    assert estimate.passes(asked(points=25), 10_000, 10_000, recalibrates=True) > 1.3 * one


def test_what_learns_asks_for_more_than_what_only_looks_at_weights() -> None:
    weights, data, learned = (
        estimate.passes(asked(method=name), 1_438, 359)
        for name in ("weight-matching", "activation-matching", "learned-matching")
    )
    assert weights < data < learned


def test_a_network_that_costs_more_takes_longer_and_one_that_reads_other_data_is_not_guessed() -> None:
    digits = dataset("digits")
    narrow, wide = (
        network(
            torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, n), torch.nn.ReLU(), torch.nn.Linear(n, 10)),
            (torch.zeros(2, 8, 8),),
        )
        for n in (16, 4096)
    )
    times = [estimate.seconds(net, digits, asked()) for net in (narrow, wide)]
    assert times[0] is not None
    assert times[1] is not None
    assert 1 < times[0] < times[1]
    other = network(torch.nn.Linear(7, 10), (torch.zeros(2, 7),))
    assert estimate.seconds(other, digits, asked()) is None


def test_the_layers_count_where_a_run_compares_them_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = dataset("digits")
    net = load(CHECKPOINTS / "digits-mlp-128" / "seed0.safetensors")
    monkeypatch.setattr(estimate, "per_example", lambda *_: 1e-4)
    small = estimate.seconds(net, digits, asked())
    monkeypatch.setattr(estimate, "LARGE", 1)
    large, layers = estimate.seconds(net, digits, asked()), estimate.of_layers(net, digits)
    assert small is not None
    assert large is not None
    assert layers is not None
    assert small - large == pytest.approx(layers)
    assert layers > 1e-4 * estimate.compared(len(digits.y_train), len(digits.y_test))


def test_a_run_says_how_long_it_will_take_before_its_first_step(tmp_path: Path) -> None:
    told: list[Any] = []

    class Listening:
        def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
            told.append(stage)

        def expect(self, rest: float) -> None:
            told.append(rest)

    report: Report = Listening()
    work(bind(path_request(A, B, points=3, method="weight-matching")), report, tmp_path, "cpu")
    (place,) = (k for k, word in enumerate(told) if isinstance(word, float))
    assert set(told[:place]) == {STAGES[0]}
    assert told[place] > 0


def test_the_worker_tells_it_with_every_message_and_a_first_picture_does_not_replace_it() -> None:
    said: list[Any] = []

    class Channel:
        def send(self, message: Any) -> None:
            said.append(message["progress"][-1])

        def receive(self) -> Any:
            raise EOFError

    telling = Telling(Channel(), threading.Event())
    telling(STAGES[0], 0, 2)
    telling.expect(12.0)
    telling(STAGES[1], 0, 0)
    telling.partial({"t": [0, 1]})
    telling(STAGES[2], 0, 0)
    assert [EXPECTED in partial for partial in said] == [False, True, True]
    assert said[-1][EXPECTED] == pytest.approx(12, abs=1)
    assert said[-1]["t"] == [0, 1]
