"""A Ray cluster of several machines, each a node of its own on this one, that are killed while they compute."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray
from asking import path_request
from engine_bench import TESTS, Bench

from lmc_core.runs.keep.tables import RUNS
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library.entry import bind

pytestmark = pytest.mark.skipif(
    os.environ.get("CLUSTERS") != "1",
    reason="daemons of a cluster give each other seconds, so it takes a machine with nothing else to do: "
    "CLUSTERS=1, or python -m benchmarks faults",
)
A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
COMMAND = Path(sys.executable).with_name("ray")
SMALL = ("--object-store-memory=80000000", "--disable-usage-stats", "--block")
PATIENCE = 120.0


def waited(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


class Machine:
    """A node of the cluster: `ray start`, and every process below it."""

    def __init__(self, log: Path, *words: str):
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                [COMMAND, "start", *words, *SMALL],
                env={**os.environ, "PYTHONUNBUFFERED": "1", "RAY_AUTH_MODE": "disabled"},  # as this process has it
                stdout=said,
                stderr=said,
            )
        try:
            waited(lambda: "Ray runtime started" in log.read_text())
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        """Pull its plug: no process of it has time for a last word."""
        for number in (self.process.pid, *_below(self.process.pid)):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


def _below(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            ppid = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended since
            continue
        if ppid == parent:
            number = int(stat.parent.name)
            found += [number, *_below(number)]
    return found


class Cluster:
    """A head that computes nothing, and machines that come and go."""

    def __init__(self, folder: Path, own: str) -> None:
        """The logs go to `folder`, all else to a folder of its `own`, so that nobody else finds this cluster."""
        self.folder = folder
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self.machines = [
            Machine(
                folder / "head",
                "--head",
                "--node-ip-address=127.0.0.1",
                f"--port={port}",
                f"--temp-dir={own}",
                "--include-dashboard=false",
                "--num-cpus=0",
            )
        ]

    def joined(self) -> Machine:
        """One more machine that computes, once the cluster knows it."""
        name = f"machine {len(self.machines)}"
        named = f"--resources={json.dumps({name: 1})}"
        self.machines.append(
            Machine(
                self.folder / name, f"--address={self.address}", "--node-ip-address=127.0.0.1", "--num-cpus=1", named
            )
        )
        waited(lambda: name in ray.cluster_resources())
        return self.machines[-1]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    own = tempfile.mkdtemp(prefix="ray-")  # paths of sockets have to be short
    try:
        made = Cluster(tmp_path, own)
    except AssertionError:  # its daemons give each other 15 seconds
        shutil.rmtree(own, ignore_errors=True)
        pytest.skip("this machine is too busy to start a cluster")
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    try:
        ray.init(address=made.address, log_to_driver=False, configure_logging=False)
        yield made
    finally:
        ray.shutdown()
        for machine in made.machines:
            machine.kill()
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def engine(home: Path, **environment: str) -> Iterator[Bench]:
    """An engine that carries out real analyses."""
    bench = Bench(home, LMC_DEVICE="cpu", work="lmc_core.runs.work.run", **environment)
    bench.engine.start()
    try:
        yield bench
    finally:
        bench.engine.stop()
        bench.index.close()


def asked(bench: Bench, seed: int) -> str:
    request = bind(path_request(A, B, method="weight-matching", points=25, seed=seed))
    bench.index.enqueue(request, title="", likeness="", listed=True, owner="ann")
    bench.engine.wake()
    return request.id


def at_work(bench: Bench, run: str) -> None:
    bench.wait(run, lambda now: now.state == "running" and now.total > 0, seconds=PATIENCE)


def begun_anew(bench: Bench, run: str) -> None:
    lost = (RUNS.c.id == run) & (RUNS.c.lost == 1)
    bench.wait(run, lambda _: bench.index.count(RUNS, lost) == 1, seconds=PATIENCE)


def digits(bench: Bench, run: str) -> list[object]:
    result = bench.store.load(run)
    assert isinstance(result, PathResult)
    profiles = (result.naive, result.aligned)
    return [(name, list(curve)) for each in profiles for split in each.values.values() for name, curve in split.items()]


@pytest.mark.timeout(900)
def test_a_run_survives_the_loss_of_its_machine_with_the_digits_of_one_machine(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
    first = cluster.joined()
    with engine(tmp_path / "ray", LMC_ENGINE="ray") as there:
        run = asked(there, seed=1)
        at_work(there, run)
        first.kill()
        begun_anew(there, run)
        cluster.joined()
        ended = there.wait(run, seconds=PATIENCE)
        assert (ended.state, ended.reason) == ("done", "")
        with engine(tmp_path / "local") as here:
            assert here.wait(asked(here, seed=1), seconds=PATIENCE).state == "done"
            assert digits(here, run) == digits(there, run)
