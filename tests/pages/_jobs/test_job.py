"""How a run on its way is said."""

from dataclasses import replace

import pytest

from lmc_core.runs import RunStatus
from pages._jobs import job


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.9, "1 min 00 s"), (185, "3 min 05 s")]
)
def test_durations_are_read_at_a_glance(seconds: float, said: str) -> None:
    assert job.seconds(seconds) == said


@pytest.mark.parametrize(
    ("done", "said"), [(0, "estimating the time"), (50, "about 10 s left, going by the steps so far")]
)
def test_a_run_without_any_like_it_before_says_how_long_by_its_own_steps(done: int, said: str) -> None:
    now = RunStatus("a" * 16, "plane", "running", stage="Measuring", done=done, total=100, elapsed=10.0)
    assert job.left(replace(now, stages=("Measuring",))) == said


def test_before_it_has_done_anything_it_says_what_the_example_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmc_core.runs.service.usual", lambda kind: {"plane": 1.9}.get(kind))
    waiting = RunStatus("a" * 16, "plane", "queued", stages=("Measuring",), position=2)
    started = replace(waiting, state="running", elapsed=0.4)
    for now in (waiting, started):
        assert job.left(now) == "the example of this page took 1.9 s"
    assert job.left(replace(started, kind="data")) == "estimating the time"
    assert job.left(replace(started, stage="Saving", elapsed=9.0)) == "almost done"


def test_a_run_like_earlier_ones_says_what_those_took() -> None:
    now = RunStatus("a" * 16, "plane", "running", stages=("Measuring",), elapsed=10.0, expected=30.0)
    assert job.left(now) == "about 20 s left (expected 30 s)"
    assert job.left(replace(now, state="queued")) == "about 30 s once it starts"
    assert job.left(replace(now, elapsed=40.0)) == "longer than expected (30 s)"
