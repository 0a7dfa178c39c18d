"""The index on SQLite and on a real Postgres: one queue for many threads and servers."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.keep.index import Index
from lmc_core.runs.kinds.request import Request


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
    return Request("nap", MappingProxyType({"number": number}), 2, True)


def put(index: Index, number: int, owner: str | None = None) -> str:
    request = a_request(number)
    index.enqueue(request, title=str(number), likeness=f"nap|a|b|{number}", listed=True, owner=owner)
    return request.id


def test_a_run_goes_from_the_queue_to_done(index: Index) -> None:
    run = put(index, 1)
    assert index.claim("server") == a_request(1)
    assert index.claim("server") is None
    index.progress(run, "Working", "by hand", 1, 2, {"t": [0.0, 1.0], "naive": [None, 0.5]})
    status = index.status(run)
    assert status is not None
    assert (status.state, status.stage, status.part) == ("running", "Working", "by hand")
    assert (status.done, status.total) == (1, 2)
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
        index.finish(request.id, "done", elapsed=seconds)
    assert index.expected("path|digits|mlp|x") == 2
    assert index.expected("path|digits|mlp|z") == 5.5
    assert index.expected("path|mnist|mlp|z") == 60
    assert index.expected("path|cifar|mlp|z") is None
    assert index.expected("path|digits|ml%|x") is None


def test_a_run_whose_machine_was_lost_goes_back_to_its_place_once_and_not_once_it_is_to_stop(index: Index) -> None:
    lost, later = put(index, 1, "ann"), put(index, 2, "ann")
    index.claim("server")
    index.progress(lost, "Working", "", 1, 2, {"t": [0.0]}, 3.5)
    assert index.again(lost)
    status = index.status(lost)
    assert status is not None
    assert (status.state, status.position, status.stage, status.partial, status.elapsed) == ("queued", 1, "", {}, 0.0)
    assert index.wanted(lost, "ann")
    assert index.claim("server") == a_request(1)
    assert not index.again(lost)
    index.finish(lost, "failed", reason="lost")
    index.claim("server")
    assert index.cancel(later, "ann")
    assert not index.again(later)
    index.finish(later, "cancelled")
    assert index.enqueue(a_request(1), title="", likeness="", listed=True)  # asked for anew, it is as any other
    index.claim("server")
    assert index.again(lost)


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
    index.progress(run, "Working", "", 1, 2, {})
    status = index.status(run)
    assert status is not None
    assert (status.state, status.finding, status.stage) == ("cancelled", "", "")


STATES = (None, "queued", "running", "done", "failed", "cancelled", "interrupted")
WAYS: dict[str, Callable[[Index, Request, str | None], object]] = {
    "submit": lambda index, request, who: runs.submit(request, who),
    "retry": lambda index, request, who: runs.retry(request.id, who),
    "ask": lambda index, request, who: ask(index, request, who),
    "ask for what is stored": lambda index, request, who: ask(index, request, who, state="done", finding="found"),
    "queue again": lambda index, request, who: index.requeue(request.id, who),
    "wait": lambda index, request, who: index.want(request.id, who),
    "cancel": lambda index, request, who: index.cancel(request.id, who),
    "publish": lambda index, request, who: index.publish(request.id, str(who), True, ()),
}


def ask(index: Index, request: Request, who: str | None, **how: str) -> bool:
    return index.enqueue(request, title="", likeness="", listed=False, owner=who, **how)


def bring(index: Index, request: Request, state: str | None, owner: str | None) -> None:
    """Let a run of `owner` be in a state; None = nobody has asked for it."""
    if state is not None:
        ask(index, request, owner)
    if state not in (None, "queued"):
        index.claim("server")
    if state == "interrupted":
        index.interrupt(["server"], "The server was restarted.")
    elif state not in (None, "queued", "running"):
        index.finish(request.id, state)


def owner_of(index: Index, run: str) -> str | None:
    table = index.tables.tables["runs"]
    with index.database.connect() as connection:
        return connection.execute(table.select().where(table.c.id == run)).one().owner


@pytest.fixture
def served(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The index of the server that `runs` speaks to, which has no engine."""
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    monkeypatch.setenv("LMC_DATABASE_URL", index.database.url.render_as_string(hide_password=False))
    yield index
    keep.opened().index.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", STATES[1:])
@pytest.mark.parametrize("owner", ["ann", None])
def test_a_run_belongs_to_who_asked_first_whoever_asks_again(
    served: Index, owner: str | None, state: str, way: str
) -> None:
    request = Request("inspect", MappingProxyType({"filename": "net.pt", "upload": "0" * 64}), 2, True)
    bring(served, request, state, owner)
    for who in ("bob", "cem", None):
        WAYS[way](served, request, who)
        assert owner_of(served, request.id) == owner
    now = served.status(request.id)
    assert now is not None
    if way in ("submit", "retry", "ask") and state not in ("queued", "running", "done"):
        assert now.state == "queued", "nothing was asked"


@pytest.mark.parametrize("state", STATES)
def test_a_run_that_many_ask_for_at_once_keeps_one_owner(index: Index, state: str | None) -> None:
    names = [f"visitor {n}" for n in range(8)]
    bring(index, a_request(3), state, "ann")
    start, seen = threading.Barrier(8), []

    def insist(who: str) -> None:
        start.wait()
        for _ in range(4):
            ask(index, a_request(3), who)
            seen.append(owner_of(index, a_request(3).id))
            index.cancel(a_request(3).id)

    threads = [threading.Thread(target=insist, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 32
    assert set(seen) <= {"ann"} if state is not None else len(set(seen)) == 1 and seen[0] in names


@pytest.mark.parametrize("state", ["failed", "cancelled", "interrupted"])
def test_a_retry_counts_against_who_asked_for_it(index: Index, state: str) -> None:
    bring(index, a_request(4), state, "ann")
    assert (index.waiting("ann"), index.waiting("bob")) == (0, 0)
    ask(index, a_request(4), "bob")
    assert (index.waiting("ann"), index.waiting("bob"), index.waiting()) == (0, 1, 1)
    assert not index.cancel(a_request(4).id, "ann"), "who does not wait for it any more cannot stop it"
    assert index.cancel(a_request(4).id, "bob")
    assert (index.waiting("bob"), index.waiting()) == (0, 0)


def test_the_runs_of_the_host_count_for_no_visitor(index: Index) -> None:
    put(index, 1)
    ask(index, a_request(1), "bob")
    assert (index.waiting("bob"), index.waiting()) == (0, 1)


def test_servers_of_one_database_call_the_same_content_the_same_and_others_do_not(index: Index, tmp_path: Path) -> None:
    digest, start, seen = "0" * 64, threading.Barrier(8), []

    def name() -> None:
        server = Index(index.database.url.render_as_string(hide_password=False))
        start.wait()
        seen.append(server.unguessable(digest))
        server.close()

    threads = [threading.Thread(target=name) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other = Index(f"sqlite:///{tmp_path}/other.db")
    assert set(seen) == {index.unguessable(digest)}
    assert len(seen) == 8
    assert len(seen[0]) == 64
    assert seen[0] not in (digest, other.unguessable(digest), index.unguessable("1" * 64))
    other.close()
