"""The index of runs deleted, damaged or replaced, also while it serves: the store brings back what it knew."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asking import path_request
from results import a_result, same
from sqlalchemy.exc import DBAPIError

from lmc_core import runs
from lmc_core.cli import main
from lmc_core.runs import engine, keep
from lmc_core.runs.engine.engine import WATCH
from lmc_core.runs.keep.entries import FILE
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import uploads

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
PARTS = ("", "-wal", "-shm")


def _other(file: Path) -> None:
    other = file.with_name("other.db")
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()
    other.replace(file)


def _overwrite(content: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    return lambda file: file.write_bytes(content(file.read_bytes()))


LOSSES: dict[str, Callable[[Path], Any]] = {
    "deleted": lambda file: [file.with_name(file.name + part).unlink(missing_ok=True) for part in PARTS],
    "deleted but for its journal": lambda file: file.unlink(),
    "overwritten by text": _overwrite(lambda content: b"not a database at all, but a text" * 400),
    "zeroed": _overwrite(lambda content: bytes(len(content))),
    "cut within its header": _overwrite(lambda content: content[:60]),
    "replaced by another program's": _other,
    "noise behind its header": _overwrite(lambda content: content[:100] + b"\xff" * (len(content) - 100)),
}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keep.Archive:
    for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    return keep.opened()


def stored(archive: keep.Archive, seed: int, owner: str | None) -> str:
    """A run that was computed for its owner."""
    request = path_request(A, B, seed=seed)
    archive.index.enqueue(request, owner=owner, title=f"Run {seed}", likeness="path|digits", listed=owner is None)
    assert archive.index.claim("a|1|b") is not None
    archive.store.save(request.id, a_result())
    archive.index.finish(request.id, "done", finding="It falls.")
    archive.note(request.id)
    return request.id


def lose(archive: keep.Archive, loss: str) -> None:
    """Lose the index, of which nothing is in a journal that would bring it back."""
    with archive.index.database.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    LOSSES[loss](archive.host.home / "runs.db")


def told(owner: str) -> list[Any]:
    """Everything that visitors can learn of runs, by whether they are `owner`."""
    views: tuple[dict[str, Any], ...] = ({}, {"owner": owner}, {"owner": owner, "mine": True})
    found = [runs.recent(kind=None, **view) for view in views]
    return [[(now.json, now.listed, now.tags, runs.owned(now.id, owner)) for now in part] for part in found]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_index_comes_back_while_it_serves_with_owners_lists_and_tags(
    loss: str, archive: keep.Archive, tmp_path: Path
) -> None:
    public, private, published = stored(archive, 1, None), stored(archive, 2, "ann"), stored(archive, 3, "ann")
    runs.publish(published, "ann", True, ["wide"])
    before = {owner: told(owner) for owner in ("ann", "bob")}
    assert before["ann"] != before["bob"]
    lose(archive, loss)
    assert archive.mend()
    assert not archive.mend()
    assert {owner: told(owner) for owner in ("ann", "bob")} == before
    for run in (public, private, published):
        same(runs.result(run), a_result())
    assert runs.submit(path_request(A, B, seed=9), "bob")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_server_that_starts_without_its_index_makes_it_again(
    loss: str, archive: keep.Archive, tmp_path: Path
) -> None:
    run = stored(archive, 1, "ann")
    lose(archive, loss)
    archive.index.close()
    again = keep.Archive(archive.host)
    assert again.index.owned(run, "ann")
    assert not again.status(run).listed
    again.index.close()


def test_an_engine_notices_within_seconds(archive: keep.Archive) -> None:
    run = stored(archive, 1, "ann")

    def back() -> bool:
        with suppress(DBAPIError):  # until it is noticed, the tables are not there
            return runs.owned(run, "ann")
        return False

    engine.start(archive, "engine_jobs")
    try:
        lose(archive, "deleted")
        end = time.monotonic() + 30 * WATCH
        while not (archive.index.sound and back()):
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        engine.stop(archive)


def test_a_run_whose_owner_is_not_known_comes_back_for_nobody_and_unlisted(
    archive: keep.Archive, tmp_path: Path
) -> None:
    request = path_request(A, B, seed=1)
    result = a_result()
    object.__setattr__(result, "request", {"kind": "path", **request.options})
    archive.store.save(request.id, result)
    for content in (None, b"", b"[]", b'{"run": {"request": "{}"}, "claims": []}'):
        if content is not None:
            archive.store.write(content, "runs", request.id, FILE)
        lose(archive, "deleted")
        archive.mend()
        now = runs.status(request.id)
        assert (now.state, now.listed, now.finding) == ("done", False, "It falls.")
        assert not runs.owned(request.id, "ann")


def test_an_entry_of_another_run_gives_nothing_away(archive: keep.Archive, tmp_path: Path) -> None:
    mine, theirs = stored(archive, 1, "ann"), stored(archive, 2, "bob")
    folder = tmp_path / "store" / "runs"
    (folder / theirs / FILE).write_bytes((folder / mine / FILE).read_bytes())
    lose(archive, "deleted")
    archive.mend()
    assert runs.owned(mine, "ann")
    assert theirs not in [now.id for now in runs.recent(kind=None, owner="ann")]


def test_the_claims_to_a_file_come_back_with_the_run_that_read_it(archive: keep.Archive, tmp_path: Path) -> None:
    """Two visitors' files of the same bytes are two, and a file that was never read comes back to nobody."""
    ask = lambda digest: Request.of("bundle", upload=digest, filename="b.zip")  # noqa: E731
    for number, owner in enumerate(("ann", "bob")):
        request = uploads.accept("b.zip", b"content", ask, owner)
        archive.index.enqueue(request, owner=owner, title="b", likeness="", listed=False)
        archive.index.claim("a|1|b")
        archive.store.save(request.id, a_result())
        archive.index.finish(request.id, "done", model=f"m{number}")
        archive.note(request.id)
    uploads.accept("b.zip", b"content", ask, "eve")
    lose(archive, "deleted")
    archive.mend()
    assert [uploads.made(owner, "bundle") for owner in ("ann", "bob", "eve")] == [["m0"], ["m1"], []]


def test_the_command_says_what_it_brought_back(
    archive: keep.Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(archive, 1, "ann")
    with archive.index.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    (tmp_path / "store" / "runs" / ("0" * 16)).mkdir()
    assert main(["reindex", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["restored"], said["known"], said["ownerless"], said["unread"]) == (1, 0, 0, 1)
    assert main(["reindex"]) == 0
    assert "1 were there" in capsys.readouterr().out
