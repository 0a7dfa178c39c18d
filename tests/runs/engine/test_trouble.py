"""An index or a store in trouble: no run stays stuck, and the health check says what is wrong."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_bench import TESTS, Bench
from starlette.requests import Request

from lmc_core.runs import engine
from lmc_core.runs.engine.engine import WORKERS
from lmc_core.runs.engine.process import Worker, WorkerThread
from lmc_core.runs.engine.worker import Message
from lmc_core.runs.keep.tables import RUNS
from lmc_core.runs.settings import Settings
from lmc_core.runs.share import routes


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """A running engine whose index does not wait long for others."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setattr("lmc_core.runs.keep.index.PATIENCE", 0.1)
    monkeypatch.setattr("lmc_core.runs.keep.index.PROBE", 0.1)
    monkeypatch.setattr("lmc_core.runs.engine.engine.BACK_OFF", 0.2)
    monkeypatch.setattr("lmc_core.runs.engine.engine.RETRY", 0.1)
    made: list[Bench] = []

    def started(**environment: str) -> Bench:
        made.append(Bench(tmp_path, **environment))
        made[-1].engine.start()
        return made[-1]

    yield started
    for bench in made:
        bench.engine.stop()
        bench.index.close()


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
    """While somebody else writes to the index, and takes their time."""
    other = sqlite3.connect(bench.host.home / "runs.db")
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


def test_a_run_that_ends_while_the_index_is_locked_is_done_as_soon_as_it_is_not(make: Callable[..., Bench]) -> None:
    bench = make()
    run = bench.submit(bench.request("long", steps=40))
    bench.wait(run, lambda status: status.done > 0)
    with locked(bench):
        end = time.monotonic() + 20
        while not bench.store.has(run):  # computed, while nobody can be told
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.5)
        assert bench.status(run).state == "running"
    assert bench.wait(run).state == "done"
    assert bench.wait(bench.submit(bench.request("next"))).state == "done"
    assert bench.computed == ["long", "next"]


def test_a_run_can_be_stopped_after_the_index_was_locked(make: Callable[..., Bench]) -> None:
    bench = make()
    run = bench.submit(bench.request("deaf", "deaf"))
    bench.wait(run, lambda _: bench.computed == ["deaf"])
    with locked(bench):
        time.sleep(1)
    assert bench.index.cancel(run)
    assert bench.wait(run, seconds=5).state == "cancelled"
    assert bench.wait(bench.submit(bench.request("next"))).state == "done"


def test_a_run_that_no_worker_has_in_hand_is_marked_as_interrupted_and_others_are_not(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmc_core.runs.engine.engine.SILENT", 0.3)
    bench = make()
    done = bench.submit(bench.request("done"))
    bench.wait(done)
    lost = bench.request("lost").id  # claimed by an answer that never came back
    bench.index.enqueue(bench.request("lost"), title="", likeness="", listed=True, state="done")
    bench.index.change(RUNS, RUNS.c.id == lost, state="running", server=bench.engine.server)
    status = bench.wait(lost, seconds=5)
    assert (status.state, status.reason) == ("interrupted", "The server lost hold of this run. Run it again.")
    kept = bench.submit(bench.request("kept", steps=60))
    bench.wait(kept, lambda status: status.done > 0)
    bench.engine.settle()
    assert bench.wait(kept).state == "done"


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> Callable[[Bench], tuple[int, dict[str, Any]]]:
    """What the health check of a bench answers."""

    def asked(bench: Bench) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(routes, "opened", lambda: bench.archive)
        monkeypatch.setattr(engine, "running", lambda _: bench.engine)
        engine._works.cache_clear()
        answer = routes.healthz(Request({"type": "http"}))
        return answer.status_code, json.loads(bytes(answer.body))

    return asked


def test_the_health_check_fails_while_the_index_cannot_be_written(
    make: Callable[..., Bench], health: Callable[[Bench], tuple[int, dict[str, Any]]]
) -> None:
    bench = make()
    assert health(bench)[0] == 200
    with locked(bench):
        code, said = health(bench)
        assert (code, said["status"]) == (503, "the index cannot be written")
    assert health(bench)[0] == 200


def test_the_health_check_fails_while_the_store_cannot_be_written(
    make: Callable[..., Bench], health: Callable[[Bench], tuple[int, dict[str, Any]]]
) -> None:
    bench = make()
    shutil.rmtree(bench.host.store, ignore_errors=True)
    Path(bench.host.store).write_text("no folder")
    code, said = health(bench)
    assert (code, said["status"]) == (503, "the store cannot be written")


def test_the_health_check_fails_when_no_worker_becomes_ready(
    make: Callable[..., Bench],
    health: Callable[[Bench], tuple[int, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lmc_core.runs.engine.engine.READY", 0.0)
    monkeypatch.setattr("lmc_core.runs.engine.engine.BACK_OFF", 60.0)
    monkeypatch.setenv("PYTHONPATH", "")  # where no worker finds what it is to do
    bench = make()
    code, said = health(bench)
    assert (code, said["status"]) == (503, "no worker is ready")


class Cluster:
    """Workers of a cluster: the first ones as given, all others threads of this process."""

    def __init__(self, *first: Worker):
        self.made = iter(first)

    def __call__(self, host: Settings, device: str, work: str) -> Worker:
        return next(self.made, None) or WorkerThread(host, device, work)


class Promised:
    """A worker for which the cluster has no machine yet."""

    replaceable = True
    death = "Its machine is gone."

    def send(self, message: Message) -> None:
        return

    def poll(self, seconds: float) -> Message | None:
        time.sleep(seconds)
        return None

    def kill(self) -> None:
        return


class Lost(Promised):
    """A worker that was ready, and whose machine is gone before it is given a run."""

    def __init__(self) -> None:
        self.said: list[Message] = [{"ready": 1}]
        self.given = False

    def send(self, message: Message) -> None:
        self.given = True

    def poll(self, seconds: float) -> Message | None:
        if self.given:
            raise EOFError
        return self.said.pop() if self.said else super().poll(seconds)

    def kill(self) -> None:
        raise RuntimeError("the cluster knows of no such worker")


def test_a_worker_that_a_cluster_has_only_promised_takes_no_run_from_one_that_is_there(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WORKERS, "ray", Cluster(Promised()))  # type: ignore[misc]
    bench = make(LMC_ENGINE="ray", LMC_DEVICE="cpu,cpu")
    runs = [bench.submit(bench.request(name)) for name in ("one", "two", "three")]
    assert [bench.wait(run).state for run in runs] == ["done"] * 3


def test_a_run_whose_machine_is_gone_is_taken_up_by_the_next_even_where_the_lost_worker_cannot_be_ended(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(WORKERS, "ray", Cluster(Lost()))  # type: ignore[misc]
    bench = make(LMC_ENGINE="ray", LMC_DEVICE="cpu")
    run = bench.submit(bench.request("one"))
    assert bench.wait(run).state == "done"
    assert f"run {run} goes back into the queue, its worker was lost: Its machine is gone." in caplog.text
