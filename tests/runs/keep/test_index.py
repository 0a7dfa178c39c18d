"""The index on SQLite and on a real Postgres: one queue for many threads and servers."""

import getpass
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from lmc_core.runs.keep.index import Index
from lmc_core.runs.values.request import Request


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a database cluster that lives as long as this file's tests."""
    pytest.importorskip("psycopg", reason="no driver for Postgres")
    programs = next(iter(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/local/bin"))
    if not (programs / "initdb").exists():
        pytest.skip("no Postgres on this machine")
    folder = Path(tempfile.mkdtemp(prefix="lmc-pg-"))
    account: list[str] = []
    if getpass.getuser() == "root":  # Postgres refuses to run as root
        shutil.chown(folder, "nobody")
        account = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    data = folder / "data"
    subprocess.run(
        [*account, programs / "initdb", "-D", data, "-U", "lmc", "-A", "trust", "-N"], check=True, capture_output=True
    )
    options = f"-k {folder} -h '' -F"
    start = [programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w"]
    subprocess.run([*account, *start, "start"], check=True, capture_output=True)
    yield f"postgresql+psycopg://lmc@/postgres?host={folder}"
    subprocess.run([*account, *start, "-m", "immediate", "stop"], check=True, capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    sqlite = f"sqlite:///{tmp_path}/runs.db"
    index = Index(sqlite if request.param == "sqlite" else request.getfixturevalue("postgres"))
    yield index
    with index.database.begin() as connection:
        for table in reversed(index.tables.sorted_tables):
            connection.execute(table.delete())
    index.close()


def a_request(number: int) -> Request:
    return Request("nap", MappingProxyType({"number": number}))


def put(index: Index, number: int, owner: str | None = None) -> str:
    request = a_request(number)
    index.enqueue(request, title=str(number), likeness=f"nap|a|b|{number}", listed=True, owner=owner)
    return request.id


def test_a_run_goes_from_the_queue_to_done(index: Index) -> None:
    run = put(index, 1)
    assert index.claim("server") == a_request(1)
    assert index.claim("server") is None
    index.progress(run, "Working", 1, 2, {"t": [0.0, 1.0], "naive": [None, 0.5]})
    status = index.status(run)
    assert status is not None
    assert (status.state, status.stage, status.done, status.total) == ("running", "Working", 1, 2)
    assert status.partial == {"t": [0.0, 1.0], "naive": [None, 0.5]}
    index.finish(run, "done", finding="found")
    status = index.status(run)
    assert status is not None
    assert (status.state, status.finding) == ("done", "found")
    assert not index.enqueue(a_request(1), title="", likeness="", listed=True)


def test_many_servers_never_claim_the_same_run(index: Index) -> None:
    wanted = {put(index, number) for number in range(40)}
    claimed: list[str] = []
    start = threading.Barrier(8)

    def serve(name: str) -> None:
        start.wait()
        while (request := index.claim(name)) is not None:
            claimed.append(request.id)

    threads = [threading.Thread(target=serve, args=(f"server {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 40
    assert set(claimed) == wanted


def test_many_visitors_who_ask_at_once_queue_one_run(index: Index) -> None:
    start = threading.Barrier(8)
    new: list[bool] = []

    def ask(owner: str) -> None:
        start.wait()
        new.append(index.enqueue(a_request(7), title="", likeness="", listed=True, owner=owner))

    threads = [threading.Thread(target=ask, args=(f"visitor {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 7 + [True]
    assert index.waiting() == 1


def test_the_expected_time_is_the_median_of_the_runs_that_share_most(index: Index) -> None:
    for number, (likeness, seconds) in enumerate(
        [("path|digits|mlp|x", 2), ("path|digits|mlp|y", 9), ("path|mnist|mlp|x", 60)]
    ):
        request = a_request(number)
        index.enqueue(request, title="", likeness=likeness, listed=True)
        index.claim("server")
        index.finish(request.id, "done")
        runs = index.tables.tables["runs"]
        index.change(runs, runs.c.id == request.id, started=100.0, finished=100.0 + seconds)
    assert index.expected("path|digits|mlp|x") == 2
    assert index.expected("path|digits|mlp|z") == 5.5
    assert index.expected("path|mnist|mlp|z") == 60
    assert index.expected("path|cifar|mlp|z") is None
    assert index.expected("path|digits|ml%|x") is None


def test_a_server_that_is_gone_leaves_interrupted_runs_and_others_keep_theirs(index: Index) -> None:
    lost, kept = put(index, 1), put(index, 2)
    index.claim("gone")
    index.claim("alive")
    assert set(index.servers()) == {"gone", "alive"}
    assert index.interrupt(["gone"], "The server was restarted.") == 1
    states = [status.state for run in (lost, kept) if (status := index.status(run))]
    assert states == ["interrupted", "running"]


def test_the_last_word_on_a_finished_run_stands(index: Index) -> None:
    run = put(index, 1)
    index.claim("server")
    index.finish(run, "cancelled", reason="Stopped on request.")
    index.finish(run, "done", finding="late")
    index.progress(run, "Working", 1, 2, {})
    status = index.status(run)
    assert status is not None
    assert (status.state, status.finding, status.stage) == ("cancelled", "", "")
