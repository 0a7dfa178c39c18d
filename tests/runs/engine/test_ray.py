"""The engine with workers on a real Ray cluster, started on this machine for these tests."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from engine_bench import TESTS, Bench


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=100_000_000,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def bench(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        made = Bench(tmp_path_factory.mktemp("ray"), LMC_ENGINE="ray", LMC_DEVICE="cpu,cpu", LMC_GRACE_SECONDS="0.3")
        made.engine.start()
        yield made
        made.engine.stop()
        made.index.close()


def test_a_run_on_the_cluster_ends_with_its_result_in_the_store(bench: Bench) -> None:
    run = bench.submit(bench.request("one", steps=5))
    status = bench.wait(run, seconds=60)
    assert (status.state, status.finding) == ("done", "one is done")
    assert bench.store.load(run).finding == "one is done"
    assert bench.store.read("runs", run, "aligned.safetensors") == b"weights of one"


def test_two_workers_of_the_cluster_work_at_the_same_time(bench: Bench) -> None:
    runs = [bench.submit(bench.request(name, steps=200)) for name in ("left", "right")]
    for run in runs:
        bench.wait(run, lambda s: s.state == "running" and s.done > 0, seconds=60)
    assert [bench.status(run).state for run in runs] == ["running", "running"]
    assert [bench.wait(run, seconds=60).state for run in runs] == ["done", "done"]


def test_cancel_stops_a_run_on_the_cluster_within_a_second(bench: Bench) -> None:
    run = bench.submit(bench.request("long", steps=3000))
    bench.wait(run, lambda s: s.done > 0, seconds=60)
    start = time.monotonic()
    bench.index.cancel(run)
    assert bench.wait(run).state == "cancelled"
    assert time.monotonic() - start < 1


def test_a_run_that_never_listens_is_ended_with_its_worker_and_the_next_one_works(bench: Bench) -> None:
    run = bench.submit(bench.request("stubborn", "deaf"))
    bench.wait(run, lambda _: "stubborn" in bench.computed, seconds=60)
    process = next(int(line.split()[1]) for line in bench.log.read_text().splitlines() if line.startswith("stubborn"))
    bench.index.cancel(run)
    assert bench.wait(run).state == "cancelled"
    end = time.monotonic() + 20
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < end, "the worker outlived its run"
        time.sleep(0.05)
    assert bench.wait(bench.submit(bench.request("next")), seconds=60).state == "done"


def test_a_run_that_kills_its_worker_twice_fails_with_a_reason_and_is_not_begun_a_third_time(bench: Bench) -> None:
    run = bench.submit(bench.request("victim", "die"))
    status = bench.wait(run, seconds=60)
    assert status.state == "failed"
    assert status.reason.startswith("The worker on the Ray cluster died (")
    assert status.reason.endswith("it is not tried a third time by itself.")
    assert bench.computed.count("victim") == 2


def test_bad_data_on_the_cluster_is_told_in_its_own_sentence(bench: Bench) -> None:
    status = bench.wait(bench.submit(bench.request("columns", "find bad data")), seconds=60)
    assert (status.state, status.reason) == ("failed", "this data has 3 columns; the network reads 4")
