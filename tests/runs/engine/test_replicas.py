"""Two web servers that share a Postgres and an S3 bucket, with visitors on them, one of them killed under load."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from asking import path_request
from scripts import computed
from server import Server

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.keep.tables import RUNS

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"


class Shared(NamedTuple):
    """Two servers and the environment they share."""

    first: Server
    second: Server
    environment: dict[str, str]


@pytest.fixture(scope="module")
def shared(postgres: str, s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with pytest.MonkeyPatch.context() as patch:
        environment = {"LMC_DATABASE_URL": postgres, "LMC_STORE": "s3://lmc/replicas"}
        for name, value in {**s3, **environment, "LMC_HOME": str(tmp_path_factory.mktemp("asking"))}.items():
            patch.setenv(name, value)
        for name in ("LMC_DATA", "LMC_CHECKPOINTS"):
            patch.delenv(name, raising=False)
        servers = [Server(tmp_path_factory.mktemp(name), **environment) for name in ("first", "second")]
        yield Shared(*servers, environment)
        for server in servers:
            server.stop()
        keep.opened().index.close()


def asked(seed: int) -> str:
    return runs.submit(path_request(A, B, method="weight-matching", points=5, train_examples=500, seed=seed), "ann")


def waited(what: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def states() -> dict[str, tuple[str, str]]:
    """Run → its state, and the process of the server that has it or had it."""
    index = keep.opened().index
    with index.database.connect() as connection:
        rows = connection.execute(RUNS.select().where(RUNS.c.owner == "ann"))
        return {row.id: (row.state, row.server) for row in rows}


def process(server: Server) -> str:
    return f"|{server.process.pid}|"


def test_what_one_server_computes_the_other_shows_at_once(shared: Shared) -> None:
    run = asked(100)
    assert "exception {" not in shared.first.visit("run", f"id={run}")  # both have looked before it is there
    assert "exception {" not in shared.second.visit("run", f"id={run}")
    waited(lambda: states()[run][0] == "done")
    for server in (shared.first, shared.second):
        assert server.json(f"/api/runs/{run}")["result"]["function_error"] <= 1e-5
        sent = server.visit("run", f"id={run}")
        assert "plotly_chart {" in sent
        assert "exception {" not in sent


def test_a_server_that_is_killed_under_load_loses_nothing(shared: Shared) -> None:
    wanted = [asked(seed) for seed in range(8)]
    waited(lambda: {process(s) in server for s in (shared.first, shared.second) for _, server in states().values()})
    seen: list[str] = []
    stop = threading.Event()

    def visitor(number: int) -> None:
        while not stop.is_set():
            run = wanted[number % len(wanted)]
            seen.append(shared.second.visit("run", f"id={run}"))
            seen.append(json.dumps(shared.second.json("/api/healthz")))

    visitors = [threading.Thread(target=visitor, args=(number,), daemon=True) for number in range(3)]
    for each in visitors:
        each.start()
    mine = process(shared.first)

    def in_hands() -> set[str]:
        return {run for run, (state, server) in states().items() if state == "running" and mine in server}

    waited(in_hands)
    held = in_hands()
    os.kill(shared.first.process.pid, signal.SIGKILL)
    shared.first.process.wait()
    waited(lambda: all(state in ("done", "interrupted") for state, _ in states().values()))
    interrupted = {run for run, (state, _) in states().items() if state == "interrupted"}
    assert interrupted <= held, "nothing but what it was computing is lost with a server"
    for run in interrupted:
        assert "restarted" in runs.status(run).reason.lower()  # type: ignore[union-attr]
    for seed in range(8):
        asked(seed)  # whoever asks again gets the rest
    waited(lambda: all(state == "done" for state, _ in states().values()))
    stop.set()
    for each in visitors:
        each.join(60)
    assert len(seen) > 3
    assert not [each for each in seen if "exception {" in each]
    store = keep.opened().store
    barriers = {store.load(run).aligned.barrier() for run in wanted}  # type: ignore[attr-defined]
    assert len(wanted) == len(set(wanted)) == 8
    assert all(0 <= barrier < 2 for barrier in barriers)


def test_digits_do_not_depend_on_where_they_are_kept(shared: Shared, tmp_path: Path) -> None:
    far = keep.opened().store.load(asked(100)).json
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMC_HOME", str(tmp_path))
        for name in ("LMC_STORE", "LMC_DATABASE_URL"):
            patch.delenv(name)
        wanted = path_request(A, B, method="weight-matching", points=5, train_examples=500, seed=100)
        near = keep.opened().store.load(computed(wanted, tmp_path / "work").id).json
        keep.opened().index.close()
    assert far["barrier"] == near["barrier"]
    assert far["naive"] == near["naive"]
