"""What the pages show first: which requests these are, and how a server computes them without being in the way."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_bench import TESTS

from lmc_core import runs
from lmc_core.runs import engine, keep
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.share.default import defaults
from lmc_core.runs.share.prepare import Preparation

PATIENCE = 20.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server whose worker, a thread, carries out the jobs of `engine_jobs`."""
    for name in ("LMC_DATA", "LMC_CHECKPOINTS", "LMC_STORE", "LMC_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    monkeypatch.setenv("LMC_ENGINE", "thread")
    monkeypatch.syspath_prepend(str(TESTS))
    monkeypatch.setattr("lmc_core.runs.share.prepare.LOOK", 0.05)
    monkeypatch.setattr("lmc_core.runs.service.entry", lambda request: ABOUT | {"title": request.options["name"]})
    yield tmp_path
    engine.stop(keep.opened())


ABOUT = {"likeness": "nap|a|b", "listed": True}


def job(home: Path, name: str, steps: int = 3) -> Request:
    return Request("nap", {"name": name, "behaviour": "work", "steps": steps, "log": str(home / "log.txt")}, 2, True)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def prepared(*requests: Request) -> threading.Thread:
    engine.start(keep.opened(), "engine_jobs")
    thread = Preparation(keep.opened(), requests, runs.submit, runs.cancel)
    thread.start()
    return thread


def state(request: Request) -> str:
    now = keep.opened().index.status(request.id)
    return "" if now is None else now.state


def started(home: Path) -> list[str]:
    log = home / "log.txt"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_every_page_has_a_default_of_shipped_networks_on_data_that_needs_no_download(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LMC_DATA", raising=False)
    kinds = {request.kind for request in defaults()}
    assert kinds == {name for name, kind in KINDS.items() if kind.example is not None}
    assert {"path", "plane", "theory", "width", "compare", "fuse"} == kinds
    assert {request.options["data"] for request in defaults()} == {"digits"}


def test_where_its_networks_are_not_shipped_a_default_is_made_of_another_pair_or_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path))
    assert runs.default_request() is None
    assert defaults() == []


def test_the_defaults_are_computed_one_after_the_other(home: Path) -> None:
    jobs = [job(home, name) for name in "abc"]
    prepared(*jobs).join(PATIENCE)
    assert [state(one) for one in jobs] == ["done"] * 3
    assert started(home) == ["a", "b", "c"]


def test_a_visitor_goes_first_and_what_was_put_off_is_done_afterwards(home: Path) -> None:
    slow, asked = job(home, "slow", steps=100), job(home, "asked")
    thread = prepared(slow)
    until(lambda: state(slow) == "running")
    runs.submit(asked, "a visitor")
    thread.join(PATIENCE)
    assert state(asked) == state(slow) == "done"
    assert started(home) == ["slow", "asked", "slow"]


def test_a_default_that_a_visitor_waits_for_is_not_put_off(home: Path) -> None:
    slow, asked = job(home, "slow", steps=30), job(home, "asked")
    thread = prepared(slow)
    until(lambda: state(slow) == "running")
    runs.submit(slow, "one visitor")
    runs.submit(asked, "another")
    thread.join(PATIENCE)
    until(lambda: state(asked) == "done")
    assert started(home) == ["slow", "asked"]


def test_what_a_visitor_stopped_is_left_alone(home: Path) -> None:
    slow, last = job(home, "slow", steps=300), job(home, "last")
    thread = prepared(slow, last)
    until(lambda: state(slow) == "running")
    runs.submit(slow, "a visitor")
    assert runs.cancel(slow.id, "a visitor")
    thread.join(PATIENCE)
    assert (state(slow), state(last)) == ("cancelled", "done")
    assert started(home) == ["slow", "last"]


def test_what_failed_before_the_server_started_is_tried_again_and_what_is_stored_is_not(home: Path) -> None:
    done, failed = job(home, "done"), job(home, "failed")
    prepared(done).join(PATIENCE)
    runs.submit(failed)
    until(lambda: state(failed) == "done")
    keep.opened().store.remove("runs", failed.id)
    keep.opened().index.change(keep.opened().index.tables.tables["runs"], _is(failed), state="failed")
    prepared(done, failed).join(PATIENCE)
    assert (state(done), state(failed)) == ("done", "done")
    assert started(home) == ["done", "failed", "failed"]


def _is(request: Request):  # type: ignore[no-untyped-def]
    return keep.opened().index.tables.tables["runs"].c.id == request.id
