"""How much of all results is kept, and how long: laws of the limits, and what is left of a result that was removed."""

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import sqlalchemy as sql
from asking import path_request
from engine_bench import TESTS, Bench
from results import a_result, same
from scripts import PAIR, computed
from starlette.requests import Request as HTTPRequest

from lmc_core import runs
from lmc_core.cli import main
from lmc_core.errors import InputError, RunError
from lmc_core.runs import engine, keep
from lmc_core.runs.keep import entries, retention
from lmc_core.runs.keep.store import Store
from lmc_core.runs.keep.tables import RUNS
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.settings import settings
from lmc_core.runs.share import routes

MB = 2**20
DAY = retention.DAY
OWNERS = ("ann", "bob", "eve", None)
OLD = 91 * DAY
ASKED = PAIR | {"method": "weight-matching", "points": 3}

Make = Callable[..., keep.Archive]


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """An archive with limits of its own, on an empty database."""
    made: list[keep.Archive] = []
    address = "" if request.param == "sqlite" else request.getfixturevalue("postgres")

    def of(**environment: str) -> keep.Archive:
        where = {"LMC_HOME": str(tmp_path), "LMC_DATABASE_URL": address, **environment}
        made.append(keep.Archive(settings(where)))
        return made[-1]

    yield of
    for archive in made:
        with archive.index.database.begin() as connection:
            connection.execute(RUNS.delete())
        archive.index.close()


class Filled:
    """Results of nobody's content and a chosen size and age, which owners asked for."""

    def __init__(self, archive: keep.Archive, folder: Path):
        self.archive, self.folder, self.number = archive, folder, 0

    def __call__(self, owner: str | None, size: int, *, age: float = 0.0, kind: str = "nap", **values: Any) -> str:
        self.number += 1
        request = Request(kind, MappingProxyType({"number": self.number}), 2, True)
        index = self.archive.index
        index.enqueue(request, owner=owner, title=f"Run {self.number}", likeness="nap|a", listed=False)
        assert index.claim("a|1|b") is not None
        padding = self.folder / "padding"
        padding.write_bytes(random.Random(self.number).randbytes(size))
        stored = self.archive.store.save(request.id, a_result(), {"padding": padding})
        index.finish(request.id, "done", finding="It falls.", size=stored, elapsed=2.0)
        self.archive.note(request.id)
        index.change(RUNS, RUNS.c.id == request.id, opened=time.time() - age, **values)
        return request.id


def row(archive: keep.Archive, run: str) -> Any:
    with archive.index.database.connect() as connection:
        return connection.execute(sql.select(RUNS).where(RUNS.c.id == run)).one()


def kept(archive: keep.Archive) -> set[str]:
    """The runs whose results are in the store."""
    return {run for run in archive.store.names("runs") if archive.store.has(run)}


def on_disk(archive: keep.Archive, runs: set[str]) -> int:
    """Bytes of their results as the disk has them."""
    folders = [Path(archive.host.store) / "runs" / run for run in runs]
    return sum(file.stat().st_size for folder in folders for file in folder.iterdir() if file.name != entries.FILE)


@pytest.mark.parametrize("seed", range(3))
def test_after_tidying_neither_all_results_nor_those_of_one_owner_are_above_their_limit(
    make: Make, tmp_path: Path, seed: int
) -> None:
    archive, chance = make(LMC_RESULTS_MB="3", LMC_RESULTS_PER_OWNER_MB="1.5"), random.Random(seed)
    store, owner_of = Filled(archive, tmp_path), {}
    for _ in range(4):
        for _ in range(chance.randint(3, 8)):
            owner = chance.choice(OWNERS)
            owner_of[store(owner, chance.randint(1, MB // 2), age=chance.uniform(0, 10 * DAY))] = owner
        before = kept(archive)
        removed = archive.tidy()
        assert kept(archive) == before - {*removed}
        assert on_disk(archive, kept(archive)) == retention.counted(archive) <= 3 * MB
        for owner in OWNERS[:3]:
            theirs = {run for run in kept(archive) if owner_of[run] == owner}
            assert on_disk(archive, theirs) == retention.counted(archive, owner) <= 1.5 * MB
    assert archive.tidy() == []


def test_what_passes_the_limit_of_one_owner_costs_nobody_else_a_result(make: Make, tmp_path: Path) -> None:
    archive = make(LMC_RESULTS_PER_OWNER_MB="1")
    store = Filled(archive, tmp_path)
    others = {store(owner, MB // 2, age=50 * DAY) for owner in ("bob", "eve", None)}
    mine = [store("ann", MB // 2, age=age * DAY) for age in (9, 3, 5, 1)]
    removed = archive.tidy()
    assert removed == [mine[0], mine[2], mine[1]], "the oldest go first"
    assert kept(archive) == others | {mine[3]}


def test_the_limit_of_all_takes_the_oldest_of_all_and_no_more_than_it_must(make: Make, tmp_path: Path) -> None:
    archive = make(LMC_RESULTS_MB="2")
    store = Filled(archive, tmp_path)
    owners = ("ann", "bob", None, "eve", "bob")
    ids = [store(owner, MB // 2, age=age * DAY) for age, owner in enumerate(owners)]
    assert archive.tidy() == [ids[4], ids[3]]


def test_published_results_are_never_removed_to_make_room_and_neither_are_shipped_ones(
    make: Make, tmp_path: Path
) -> None:
    checkpoints = tmp_path / "checkpoints"
    archive = make(LMC_RESULTS_MB="1", LMC_RESULTS_PER_OWNER_MB="1", LMC_CHECKPOINTS=str(checkpoints))
    store = Filled(archive, tmp_path)
    published = store("ann", MB // 2, age=80 * DAY)
    shipped = store(None, 2 * MB, age=OLD)
    (checkpoints / keep.SHIPPED / "runs" / shipped).mkdir(parents=True)
    assert archive.publish(published, "ann", True, ())
    plain = [store(owner, MB // 3, age=age * DAY) for owner, age in (("ann", 3), ("bob", 2), ("bob", 1))]
    assert {*archive.tidy()} == {*plain[:2]}
    assert kept(archive) == {published, shipped, plain[2]}


def test_what_was_read_from_a_file_is_counted_with_the_uploads_and_stays(make: Make, tmp_path: Path) -> None:
    archive = make(LMC_RESULTS_MB="1")
    store = Filled(archive, tmp_path)
    read = store("ann", 2 * MB, age=OLD, kind="inspect")
    assert archive.tidy() == []
    assert (kept(archive), retention.counted(archive)) == ({read}, 0)


def test_nobody_publishes_more_than_may_be_kept(make: Make, tmp_path: Path) -> None:
    archive = make(LMC_RESULTS_MB="2", LMC_RESULTS_PER_OWNER_MB="1")
    store = Filled(archive, tmp_path)
    mine = [store("ann", MB // 2) for _ in range(2)]
    theirs = [store(owner, MB // 2 + MB // 4) for owner in ("bob", "eve")]
    assert archive.publish(mine[0], "ann", True, ())
    with pytest.raises(RunError, match=r"Your published results would have 1\.1 MB, but at most 1\.0 MB"):
        archive.publish(mine[1], "ann", True, ())
    assert archive.publish(theirs[0], "bob", True, ())
    with pytest.raises(RunError, match=r"All published results would have 2\.\d MB, but at most 2\.0 MB"):
        archive.publish(theirs[1], "eve", True, ())
    assert archive.publish(mine[0], "ann", True, ("wide",)), "its tags may change"
    assert archive.publish(mine[0], "ann", False, ())
    assert archive.publish(mine[1], "ann", True, ())


def test_a_result_that_nobody_opened_for_long_is_removed_and_one_that_was_opened_is_not(
    make: Make, tmp_path: Path
) -> None:
    archive = make(LMC_RESULT_DAYS="30")
    store = Filled(archive, tmp_path)
    forgotten, pictured, read, taken = (store("ann", 100, age=31 * DAY) for _ in range(4))
    published, young = store("ann", 100, age=31 * DAY, published=True), store("ann", 100)
    same(archive.result(read), a_result())
    archive.artifact(taken, "padding")
    archive.store.write(b"<svg></svg>", "runs", pictured, "thumbnail.svg")
    archive.picture(pictured, "thumbnail.svg")
    assert {*archive.tidy()} == {forgotten, pictured, published}
    assert kept(archive) == {read, taken, young}
    with pytest.raises(RunError, match="Compute it again"):
        archive.artifact(forgotten, "padding")
    assert time.time() - row(archive, read).opened < 60


def test_of_a_removed_result_everything_is_left_that_the_index_knew(make: Make, tmp_path: Path) -> None:
    archive = make()
    run = Filled(archive, tmp_path)("ann", 100, age=OLD, listed=True, tags="wide")
    before = archive.status(run)
    assert archive.tidy() == [run]
    now = archive.status(run)
    assert (now.state, now.gone, row(archive, run).bytes) == ("failed", True, 0)
    for name in ("id", "kind", "title", "finding", "listed", "tags", "created"):
        assert getattr(now, name) == getattr(before, name)
    assert now.reason == "This result was removed after nobody had opened it for 90 days. Compute it again to see it."
    assert archive.index.owned(run, "ann")
    assert archive.store.names("runs", run) == {entries.FILE}
    with pytest.raises(RunError, match="Compute it again"):
        archive.result(run)
    assert archive.index.expected("nap|a", least=1) is not None, "what it took is still known"


def test_a_result_that_is_opened_while_others_are_removed_stays(make: Make, tmp_path: Path) -> None:
    archive = make()
    run = Filled(archive, tmp_path)("ann", 100, age=OLD)
    chosen = time.time() - OLD - 1
    assert not retention._removed(archive, run, chosen, "too late")
    assert archive.status(run).state == "done"


def test_files_that_cannot_be_removed_stay_counted(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make()
    run = Filled(archive, tmp_path)("ann", MB, age=OLD)
    counted = retention.counted(archive)

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "strip", refused)
        with pytest.raises(OSError, match="Read-only"):
            archive.tidy()
    assert (archive.status(run).state, retention.counted(archive)) == ("done", counted)
    assert archive.tidy() == [run]


def test_a_lost_index_still_knows_whose_a_removed_result_was(make: Make, tmp_path: Path) -> None:
    archive = make()
    store = Filled(archive, tmp_path)
    removed, there = store("ann", 100, age=OLD), store("bob", 100)
    archive.tidy()
    before = archive.status(removed)
    size = row(archive, there).bytes
    with archive.index.database.begin() as connection:
        connection.execute(RUNS.delete())
    found = archive.rebuild()
    assert (found.restored, found.measured) == (2, 1)
    assert archive.status(removed) == before
    assert archive.index.owned(removed, "ann")
    assert row(archive, there).bytes == size


def test_results_of_before_they_were_counted_are_measured(make: Make, tmp_path: Path) -> None:
    archive = make(LMC_RESULTS_MB="1")
    store = Filled(archive, tmp_path)
    ids = [store("ann", MB // 2, age=age, bytes=None) for age in (3, 2, 1)]
    assert retention.counted(archive) == 0
    assert archive.rebuild().measured == 3
    assert retention.counted(archive) == on_disk(archive, {*ids})
    archive.index.change(RUNS, RUNS.c.id.in_(ids), bytes=None)
    assert archive.tidy() == ids[:2]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setattr("lmc_core.runs.engine.engine.TIDY", 0.1)
    bench = Bench(tmp_path, LMC_RESULT_DAYS="1")
    bench.engine.start()
    yield bench
    bench.engine.stop()
    bench.index.close()


def test_the_bytes_of_a_run_are_known_as_soon_as_it_is_done(bench: Bench) -> None:
    run = bench.submit(bench.request("counted"), "ann")
    bench.wait(run)
    assert row(bench.archive, run).bytes == entries.size(bench.store, run) > 0


def test_an_engine_removes_what_is_old_and_computes_it_again_for_its_owner(bench: Bench) -> None:
    request = bench.request("again")
    run = bench.submit(request, "ann")
    bench.wait(run)
    bench.index.change(RUNS, RUNS.c.id == run, opened=time.time() - 2 * DAY)
    bench.wait(run, lambda status: status.gone)
    assert bench.submit(request, "bob") == run
    assert bench.wait(run, lambda status: status.state == "done").removed is None
    assert bench.index.owned(run, "ann")
    assert row(bench.archive, run).bytes == entries.size(bench.store, run)


@pytest.fixture
def first(home: Path, tmp_path: Path) -> Iterator[PathResult]:
    """What a path of Ann's found that was removed since."""
    archive = keep.opened()
    request = path_request(**ASKED)
    archive.store.remove("runs", request.id)
    archive.index.delete(RUNS, RUNS.c.id == request.id)
    computed(request, tmp_path / "first")
    found = archive.result(request.id)
    assert isinstance(found, PathResult)
    archive.note_openings()
    archive.index.change(RUNS, RUNS.c.id == request.id, owner="ann", opened=1.0)
    assert archive.tidy() == [request.id]
    yield found
    archive.index.close()


@pytest.fixture
def removed(first: PathResult) -> str:
    """Its id."""
    return path_request(**ASKED).id


def digits(found: Any) -> Any:
    """What a path found, but for the seconds that it took."""
    profiles = [(path.t, path.values) for path in (found.naive, found.aligned)]
    return profiles, found.alignment.couplings, found.alignment.history, found.finding, found.symmetry, found.data


def test_a_removed_run_asked_again_has_the_same_id_owner_and_digits(first: PathResult, removed: str) -> None:
    assert runs.retry(removed, "bob") == removed
    assert runs.status(removed).state == "queued"
    archive = keep.opened()
    engine.start(archive)
    try:
        end = time.monotonic() + 120
        while not runs.status(removed).finished:
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        engine.stop(archive)
    assert runs.status(removed).state == "done", runs.status(removed).reason
    same(digits(runs.result(removed)), digits(first))
    assert runs.owned(removed, "ann")
    assert not runs.owned(removed, "bob")


def asked(route: Callable[[HTTPRequest], Any], run: str) -> tuple[int, str]:
    scope = {
        "type": "http", "path_params": {"id": run}, "headers": [], "path": f"/r/{run}", "query_string": b"",
        "scheme": "http", "server": ("here", 80),
    }  # fmt: skip
    answer = route(HTTPRequest(scope))
    return answer.status_code, bytes(answer.body).decode()


def test_every_address_of_a_removed_run_answers_410_with_one_sentence(removed: str) -> None:
    sentence = "This result was removed after nobody had opened it for 90 days. Compute it again to see it."
    for route in (routes.run_json, routes.share, routes.card):
        code, text = asked(route, removed)
        assert (code, sentence in text) == (410, True), route
    told = json.loads(asked(routes.run_json, removed)[1])
    assert told["error"] == sentence
    assert "result" not in told


def test_the_health_check_says_nothing_of_results_and_names_nobody(removed: str) -> None:
    said = json.dumps(engine.health(keep.opened()))
    for secret in ("ann", removed, "bytes", "quota"):
        assert secret not in said


def test_the_command_that_reads_the_store_says_how_much_it_measured(
    removed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reindex", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured"] == 0


def test_an_owner_deletes_a_run_with_all_that_is_kept_of_it_and_nobody_else_does(make: Make, tmp_path: Path) -> None:
    archive = make()
    fill = Filled(archive, tmp_path)
    theirs, other, nobodys, read = fill("ann", 9), fill("bob", 9), fill(None, 9), fill("ann", 9, kind="inspect")
    archive.index.change(RUNS, RUNS.c.id == read, kind="inspect")
    archive.index.change(RUNS, RUNS.c.id == theirs, listed=True, published=True)
    before = kept(archive)
    for run, owner in (
        (theirs, "bob"),
        (nobodys, "ann"),
        (nobodys, ""),
        (other, "ann"),
        (read, "ann"),
        ("../x", "ann"),
    ):
        assert not archive.delete(run, owner)
    assert kept(archive) == before
    assert archive.result(theirs)
    assert archive.delete(theirs, "ann")
    assert not archive.delete(theirs, "ann")
    assert kept(archive) == before - {theirs}
    assert not archive.store.names("runs", theirs)
    with pytest.raises(InputError, match="no run"):
        archive.result(theirs)
    assert [run.id for run in archive.index.recent(9, kind=None, state=None, owner="ann", mine=True)] == [read]
    archive.rebuild()
    assert archive.index.status(theirs) is None
    archive.index.enqueue(
        Request("nap", MappingProxyType({"number": 1}), 2, True), owner="eve", title="", likeness="", listed=False
    )
    assert archive.index.owned(theirs, "eve")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_has_not_ended_cannot_be_deleted(make: Make, tmp_path: Path, state: str) -> None:
    archive = make()
    run = Filled(archive, tmp_path)("ann", 9)
    archive.index.change(RUNS, RUNS.c.id == run, state=state)
    assert not archive.delete(run, "ann")
    assert archive.index.status(run) is not None


def test_a_run_whose_files_cannot_be_deleted_stays_whole(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make()
    run = Filled(archive, tmp_path)("ann", 9)

    def refused(*_: str) -> None:
        raise PermissionError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(archive.store, "remove", refused)
        with pytest.raises(PermissionError):
            archive.delete(run, "ann")
    assert archive.index.owned(run, "ann")
    assert archive.result(run)
    assert archive.delete(run, "ann")
