"""The engine with real worker processes: what happens when runs end well, badly, on request, or with the machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_bench import TESTS, Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    bench = Bench(tmp_path)
    bench.engine.start()
    yield bench
    bench.engine.stop()
    bench.index.close()


def test_a_run_is_computed_by_another_process_and_kept_with_its_files(bench: Bench) -> None:
    run = bench.submit(bench.request("one"))
    status = bench.wait(run)
    assert (status.state, status.finding) == ("done", "one is done")
    assert bench.store.load(run).finding == "one is done"
    assert bench.store.read("runs", run, "aligned.safetensors") == b"weights of one"
    assert int(bench.log.read_text().split()[1]) == bench.worker != os.getpid()


def test_progress_is_told_while_a_run_works(bench: Bench) -> None:
    run = bench.submit(bench.request("slow", steps=60))
    status = bench.wait(run, lambda s: s.done > 5)
    assert (status.state, status.stage, status.total) == ("running", "Working", 60)
    assert 0 < status.elapsed < 10


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_is_set_while_a_run_computes_changes_nothing_of_how_long_it_took(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    run = bench.submit(bench.request("slow", steps=60))
    began, wall = time.monotonic(), time.time
    bench.wait(run, lambda s: s.done > 5)
    monkeypatch.setattr("lmc_core.runs.keep.index.time.time", lambda: wall() + 3600 * hours)
    assert 0 <= bench.status(run).elapsed <= time.monotonic() - began
    assert 0.1 < bench.wait(run).elapsed <= time.monotonic() - began
    assert bench.index.expected("nap|a|b") == bench.status(run).elapsed


def test_two_submissions_compute_once(bench: Bench) -> None:
    first = bench.submit(bench.request("shared", steps=20), "ann")
    second = bench.submit(bench.request("shared", steps=20), "bob")
    bench.wait(first)
    bench.submit(bench.request("shared", steps=20), "cem")
    bench.wait(bench.submit(bench.request("last")))
    assert first == second
    assert bench.computed == ["shared", "last"]


def test_runs_wait_in_the_order_in_which_they_came(bench: Bench) -> None:
    runs = [bench.submit(bench.request(name, steps=15)) for name in ("first", "second", "third")]
    bench.wait(runs[0], lambda s: s.state == "running")
    assert [bench.status(run).position for run in runs] == [None, 1, 2]
    bench.wait(runs[2])
    assert bench.computed == ["first", "second", "third"]


def test_whoever_asks_for_many_waits_for_their_own_and_not_everybody_for_them(bench: Bench) -> None:
    held = bench.submit(bench.request("held", steps=30), "eve")
    bench.wait(held, lambda s: s.state == "running")
    many = [bench.submit(bench.request(f"eve-{number}", steps=1), "eve") for number in range(4)]
    few = [bench.submit(bench.request(f"{name}", steps=1), name) for name in ("ann", "bob")]
    again = bench.submit(bench.request("ann-again", steps=1), "ann")
    assert [bench.status(run).position for run in (*few, again)] == [2, 3, 5]
    assert [bench.status(run).position for run in many] == [1, 4, 6, 7]
    for run in (*many, *few, again):
        bench.wait(run)
    assert bench.computed == ["held", "eve-0", "ann", "bob", "eve-1", "ann-again", "eve-2", "eve-3"]


def test_cancel_stops_a_working_run_within_a_second_and_keeps_its_worker(bench: Bench) -> None:
    run = bench.submit(bench.request("long", steps=3000))
    bench.wait(run, lambda s: s.done > 0)
    worker, start = bench.worker, time.monotonic()
    assert bench.index.cancel(run)
    assert bench.wait(run).state == "cancelled"
    assert time.monotonic() - start < 1
    assert bench.wait(bench.submit(bench.request("next"))).state == "done"
    assert bench.worker == worker
    assert not bench.store.has(run)


def test_cancel_stops_a_run_that_never_listens_within_a_second_by_ending_its_worker(bench: Bench) -> None:
    run = bench.submit(bench.request("stubborn", "deaf"))
    bench.wait(run, lambda _: bench.computed == ["stubborn"])
    worker, start = bench.worker, time.monotonic()
    assert bench.index.cancel(run)
    assert bench.wait(run).state == "cancelled"
    assert time.monotonic() - start < 1
    assert not Path(f"/proc/{worker}").exists()
    assert bench.wait(bench.submit(bench.request("next"))).state == "done"


def test_cancelling_a_waiting_run_takes_it_out_of_the_queue(bench: Bench) -> None:
    first, second = bench.submit(bench.request("first", steps=20)), bench.submit(bench.request("second"))
    assert bench.index.cancel(second)
    assert bench.status(second).state == "cancelled"
    bench.wait(first)
    bench.wait(bench.submit(bench.request("third")))
    assert bench.computed == ["first", "third"]


def test_a_cancelled_run_can_be_asked_for_again(bench: Bench) -> None:
    run = bench.submit(bench.request("again", steps=100))
    bench.wait(run, lambda s: s.state == "running")
    bench.index.cancel(run)
    bench.wait(run)
    assert bench.wait(bench.submit(bench.request("again", steps=100))).state == "done"


def test_a_visitor_cannot_stop_a_run_that_another_waits_for(bench: Bench) -> None:
    run = bench.submit(bench.request("shared", steps=50), "ann")
    bench.submit(bench.request("shared", steps=50), "bob")
    assert not bench.index.cancel(run, "mallory")
    assert not bench.index.cancel(run, "ann")
    assert bench.wait(run).state == "done"


def test_a_run_stops_when_the_last_visitor_who_waits_cancels_it(bench: Bench) -> None:
    run = bench.submit(bench.request("shared", steps=500), "ann")
    bench.submit(bench.request("shared", steps=500), "bob")
    assert not bench.index.cancel(run, "bob")
    assert bench.index.cancel(run, "ann")
    assert bench.wait(run).state == "cancelled"


def test_killing_the_worker_fails_its_run_with_a_reason_and_the_next_run_works(bench: Bench) -> None:
    run = bench.submit(bench.request("victim", "deaf"))
    bench.wait(run, lambda _: bench.computed == ["victim"])
    os.kill(bench.worker, signal.SIGKILL)
    status = bench.wait(run)
    assert status.state == "failed"
    assert "memory ran out" in status.reason
    assert bench.wait(bench.submit(bench.request("next"))).state == "done"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("die", "was killed"),
        ("run out of memory", "not enough memory"),
        ("find bad data", "this data has 3 columns; the network reads 4"),
        ("fill the disk", "disk of this server is full"),
        ("find the disk read-only", "cannot be written"),
        ("stumble", "KeyError"),
    ],
)
def test_a_run_that_goes_wrong_says_why_leaves_no_half_run_and_harms_no_other(
    bench: Bench, behaviour: str, words: str
) -> None:
    run = bench.submit(bench.request("bad", behaviour))
    status = bench.wait(run)
    assert status.state == "failed"
    assert words in status.reason
    assert "/a/path" not in status.reason
    assert not bench.store.has(run)
    assert bench.wait(bench.submit(bench.request("next"))).state == "done"


def test_a_run_that_takes_longer_than_the_host_allows_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    bench = Bench(tmp_path, LMC_RUN_SECONDS="1")
    bench.engine.start()
    try:
        status = bench.wait(bench.submit(bench.request("endless", "deaf")))
    finally:
        bench.engine.stop()
    assert status.state == "failed"
    assert "Stopped after 1 s" in status.reason


def test_stopping_the_engine_interrupts_what_runs_and_a_new_one_resumes_what_waits(bench: Bench) -> None:
    running, waiting = bench.submit(bench.request("running", "deaf")), bench.submit(bench.request("waiting"))
    bench.wait(running, lambda _: bench.computed == ["running"])
    worker = bench.worker
    bench.engine.stop()
    assert not Path(f"/proc/{worker}").exists()
    assert bench.status(running).state == "interrupted"
    assert bench.status(waiting).state == "queued"
    bench.engine = bench.new_engine()
    bench.engine.start()
    assert bench.wait(waiting).state == "done"


SERVER = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from engine_bench import Bench
bench = Bench(Path({home!r}))
bench.engine.start()
running, waiting = bench.submit(bench.request("running", "deaf")), bench.submit(bench.request("waiting"))
bench.wait(running, lambda _: bench.computed == ["running"])
print(bench.worker, flush=True)
time.sleep(60)
"""


def test_after_a_server_was_killed_the_next_one_resumes_its_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}{os.pathsep}{TESTS.parent}")
    script = SERVER.format(tests=str(TESTS), home=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        worker = int(server.stdout.readline())
        server.kill()
    bench = Bench(tmp_path)
    running, waiting = bench.request("running", "deaf").id, bench.request("waiting").id
    assert [bench.status(run).state for run in (running, waiting)] == ["running", "queued"]
    bench.engine.start()
    try:
        interrupted = bench.status(running)
        assert (interrupted.state, interrupted.reason) == (
            "interrupted",
            "The server was restarted while this run was running.",
        )
        assert bench.wait(waiting).state == "done"
        end = time.monotonic() + 5
        while Path(f"/proc/{worker}").exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert not Path(f"/proc/{worker}").exists()
    finally:
        bench.engine.stop()


def test_the_expected_time_of_a_run_comes_from_earlier_runs_like_it(bench: Bench) -> None:
    assert bench.index.expected("nap|a|b") is None
    earlier = bench.wait(bench.submit(bench.request("earlier", steps=20)))
    run = bench.submit(bench.request("later", steps=20))
    assert bench.status(run).expected == pytest.approx(earlier.elapsed, abs=0.01)
    assert earlier.elapsed > 0.3


def test_the_thread_engine_carries_out_the_same_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TESTS))
    bench = Bench(tmp_path, LMC_ENGINE="thread")
    bench.engine.start()
    try:
        run = bench.submit(bench.request("long", steps=3000))
        bench.wait(run, lambda s: s.done > 0)
        bench.index.cancel(run)
        assert bench.wait(run).state == "cancelled"
        assert bench.wait(bench.submit(bench.request("in a thread"))).state == "done"
    finally:
        bench.engine.stop()
    assert bench.log.read_text().split()[-1] == str(os.getpid())
