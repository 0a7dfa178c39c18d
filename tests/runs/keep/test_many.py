"""What pages ask again and again takes as many steps of the database with thousands of runs as with dozens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from lmc_core.runs import keep
from lmc_core.runs.keep.index import Index
from lmc_core.runs.keep.tables import RUNS
from lmc_core.runs.library import uploads

OWNERS = 5
ASKED: dict[str, Callable[[Index], Any]] = {
    "how a run stands": lambda index: index.status(name(3)),
    "what visitors brought": lambda _: uploads.made("ann", "inspect", listed=True),
    "whether it is published": lambda _: uploads.published("0123456789abcdef"),
    "the gallery": lambda index: index.recent(13, kind=["path", "fuse"], state="done", owner=None),
    "one's own runs": lambda index: index.recent(13, kind=["path"], state="done", owner="owner1", mine=True),
    "how long runs take": lambda index: index.expected("path|digits|mlp|x"),
    "how many wait": lambda index: index.waiting("owner1"),
}


def name(number: int) -> str:
    return f"{number:016x}"


def filled(index: Index, first: int, last: int) -> None:
    """Runs that visitors asked for and did not publish, but for a few."""
    common = {"kind": "path", "request": "{}", "state": "done", "likeness": "path|digits|mlp|x", "title": "a pair"}
    rows = [
        {
            **common,
            "id": name(number),
            "owner": f"owner{number % OWNERS}",
            "listed": number < 20,
            **dict.fromkeys(("created", "queued", "started", "finished"), float(number)),
            "elapsed": 1.0 + number % 3,
        }
        for number in range(first, last)
    ]
    with index.database.begin() as connection:
        connection.execute(RUNS.insert(), rows)


def steps(index: Index, ask: Callable[[Index], Any]) -> int:
    """Hundreds of steps of SQLite's machine that an answer takes."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    def listen(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(count, 100)

    def stop(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(None, 0)

    sql.event.listen(index.database, "checkout", listen)
    sql.event.listen(index.database, "checkin", stop)
    try:
        ask(index)
    finally:
        sql.event.remove(index.database, "checkout", listen)
        sql.event.remove(index.database, "checkin", stop)
    return taken


@pytest.mark.parametrize("asked", ASKED)
def test_with_many_runs_a_page_asks_no_more_of_the_index_than_with_few(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    index, ask = keep.opened().index, ASKED[asked]
    filled(index, 0, 200)
    ask(index)
    few = steps(index, ask)
    filled(index, 200, 6_000)
    ask(index)
    filled(index, 6_000, 6_001)
    assert steps(index, ask) <= 1.5 * few + 5
    index.close()


def test_a_run_that_ended_since_counts_in_the_next_estimate_as_if_all_were_read_anew(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/runs.db"
    index = Index(address)
    for first, last in ((0, 3), (3, 4), (4, 9), (9, 40)):
        filled(index, first, last)
        again = Index(address)
        for likeness in ("path|digits|mlp|x", "path|digits|mlp|other"):
            assert index.expected(likeness) == again.expected(likeness)
        again.close()
    with index.database.begin() as connection:
        connection.execute(RUNS.delete().where(RUNS.c.finished > 5))
    again = Index(address)
    assert index.expected("path|digits|mlp|x") == again.expected("path|digits|mlp|x")
    again.close()
    index.close()
