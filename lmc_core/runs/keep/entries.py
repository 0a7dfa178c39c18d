"""What the index knows of a finished run, kept beside its result too: an index that was lost is made of it again.

It stays where the result is removed, and keeps the run its owner.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from lmc_core.errors import InputError, LMCError
from lmc_core.runs.keep.index import Index
from lmc_core.runs.keep.store import Store
from lmc_core.runs.keep.tables import RUNS, UPLOADS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.names import is_run_id

FILE = "entry.json"
"""The row of a run and the claims to the file it read; not among its digests, for an owner may change it."""

log = logging.getLogger("lmc_core.runs.keep.entries")

REMOVED = "This result was removed. Compute it again to see it."


@dataclass(frozen=True)
class Rebuilt:
    """What a store brought back into an index.

    known     runs that the index had
    restored  runs that it has again, as they were; without a result where that was removed
    ownerless runs that it has again, but whose owner is not known: nobody's, and listed nowhere
    unread    folders whose result or request cannot be read; they stay as they are
    measured  results whose bytes were not known
    """

    known: int = 0
    restored: int = 0
    ownerless: int = 0
    unread: int = 0
    measured: int = 0


def keep(store: Store, index: Index, run: str) -> bool:
    """Write what the index knows of a finished run beside its result. False if there is no such run."""
    finished = sql.or_(RUNS.c.state == "done", RUNS.c.removed.is_not(None))
    with index.database.connect() as connection:
        row = connection.execute(sql.select(RUNS).where(RUNS.c.id == run, finished)).mappings().first()
        claims = connection.execute(sql.select(UPLOADS).where(UPLOADS.c.run == run)).mappings().all()
    if row is None or not (row["removed"] or store.has(run)):
        return False
    content = {"run": dict(row), "claims": [dict(claim) for claim in claims]}
    store.write(json.dumps(content).encode(), "runs", run, FILE)
    return True


def backfill(store: Store, index: Index) -> int:
    """Write the entries that finished runs lack, as those of an earlier version; how many."""
    with index.database.connect() as connection:
        done = list(connection.scalars(sql.select(RUNS.c.id).where(RUNS.c.state == "done")))
    return sum(keep(store, index, run) for run in done if not store.exists("runs", run, FILE))


def measure(store: Store, index: Index) -> int:
    """Count the bytes of results that are not counted yet, as those of an earlier version; of how many."""
    unknown = sql.and_(RUNS.c.state == "done", RUNS.c.bytes.is_(None))
    with index.database.connect() as connection:
        runs = list(connection.scalars(sql.select(RUNS.c.id).where(unknown)))
    return sum(index.change(RUNS, sql.and_(RUNS.c.id == run, unknown), bytes=size(store, run)) for run in runs)


def size(store: Store, run: str) -> int:
    """Bytes of a result: of all files of its run but the entry."""
    return sum(size for name, size in store.sizes("runs", run).items() if name != FILE)


def rebuild(store: Store, index: Index) -> Rebuilt:
    """Bring every run of the store that the index does not know back into it."""
    with index.database.connect() as connection:
        known = set(connection.scalars(sql.select(RUNS.c.id)))
    counts = {"known": 0, "restored": 0, "ownerless": 0, "unread": 0}
    for run in sorted(filter(is_run_id, store.names("runs"))):
        if run in known:
            counts["known"] += 1
        elif not (store.has(run) or store.exists("runs", run, FILE)):
            counts["unread"] += 1
        else:
            counts[restore(store, index, run)] += 1
    return Rebuilt(**counts, measured=measure(store, index))


def restore(store: Store, index: Index, run: str) -> str:
    """Bring one run back; which of the counts it belongs to."""
    try:
        content = json.loads(store.read("runs", run, FILE))
        now = _DONE if store.has(run) else _removed(content["run"])
        row = {**content["run"], **now, "opened": time.time()}  # when it last was is lost with the index
        _insert(index, run, row, content["claims"])
        return "restored"
    except (InputError, SQLAlchemyError, ValueError, TypeError, KeyError):
        pass  # none was kept, or it is damaged: what the result says of itself is left
    try:
        result = store.load(run)
        asked = {name: value for name, value in result.request.items() if name != "kind"}
        request = Request.of(str(result.request["kind"]), **asked)
        row = {
            "kind": request.kind, "request": request.json, "title": result.title, **_DONE,
            "finding": result.finding, "listed": False, "created": 0.0, "queued": 0.0, "opened": time.time(),
        }  # fmt: skip
        _insert(index, run, row, [])
        return "ownerless"
    except (LMCError, SQLAlchemyError, KeyError):
        log.warning("the folder of run %s names no request that gives it", run)
        return "unread"


_DONE: Mapping[str, Any] = {"state": "done", "reason": "", "bytes": None, "removed": None}
"""Of a run whose result is there: its bytes are measured anew."""


def _removed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run whose result is not there any more."""
    when = row.get("removed")
    return {
        "state": "failed", "reason": row["reason"] if when else REMOVED, "bytes": 0, "removed": when or time.time(),
    }  # fmt: skip


def _insert(index: Index, run: str, row: Mapping[str, Any], claims: list[Mapping[str, Any]]) -> None:
    """Add the rows of one run. Raises InputError if they are another run's."""
    if Request.stored(row["request"]).id != run:
        raise InputError(f"the entry of run {run} is of another request")
    index.insert(RUNS, **{**_columns(RUNS, row), "id": run})
    for claim in claims:
        index.insert(UPLOADS, **{**_columns(UPLOADS, claim), "run": run})


def _columns(table: sql.Table, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in table.c}
