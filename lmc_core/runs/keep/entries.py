"""What the index knows of a finished run, kept beside its result too: an index that was lost is made of it again."""

from __future__ import annotations

import json
import logging
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


@dataclass(frozen=True)
class Rebuilt:
    """What a store brought back into an index.

    known     runs that the index had
    restored  runs that it has again, as they were
    ownerless runs that it has again, but whose owner is not known: nobody's, and listed nowhere
    unread    folders whose result or request cannot be read; they stay as they are
    """

    known: int = 0
    restored: int = 0
    ownerless: int = 0
    unread: int = 0


def keep(store: Store, index: Index, run: str) -> bool:
    """Write what the index knows of a finished run beside its result. False if there is no such run."""
    with index.database.connect() as connection:
        row = connection.execute(sql.select(RUNS).where(RUNS.c.id == run, RUNS.c.state == "done")).mappings().first()
        claims = connection.execute(sql.select(UPLOADS).where(UPLOADS.c.run == run)).mappings().all()
    if row is None or not store.has(run):
        return False
    content = {"run": dict(row), "claims": [dict(claim) for claim in claims]}
    store.write(json.dumps(content).encode(), "runs", run, FILE)
    return True


def backfill(store: Store, index: Index) -> int:
    """Write the entries that finished runs lack, as those of an earlier version; how many."""
    with index.database.connect() as connection:
        done = list(connection.scalars(sql.select(RUNS.c.id).where(RUNS.c.state == "done")))
    return sum(keep(store, index, run) for run in done if not store.exists("runs", run, FILE))


def rebuild(store: Store, index: Index) -> Rebuilt:
    """Bring every run of the store that the index does not know back into it."""
    with index.database.connect() as connection:
        known = set(connection.scalars(sql.select(RUNS.c.id)))
    counts = {"known": 0, "restored": 0, "ownerless": 0, "unread": 0}
    for run in sorted(filter(is_run_id, store.names("runs"))):
        if run in known:
            counts["known"] += 1
        elif not store.has(run):
            counts["unread"] += 1
        else:
            counts[restore(store, index, run)] += 1
    return Rebuilt(**counts)


def restore(store: Store, index: Index, run: str) -> str:
    """Bring one run back; which of the counts it belongs to."""
    try:
        content = json.loads(store.read("runs", run, FILE))
        _insert(index, run, content["run"], content["claims"])
        return "restored"
    except (InputError, SQLAlchemyError, ValueError, TypeError, KeyError):
        pass  # none was kept, or it is damaged: what the result says of itself is left
    try:
        result = store.load(run)
        asked = {name: value for name, value in result.request.items() if name != "kind"}
        request = Request.of(str(result.request["kind"]), **asked)
        row = {
            "kind": request.kind, "request": request.json, "title": result.title, "state": "done",
            "finding": result.finding, "listed": False, "created": 0.0, "queued": 0.0,
        }  # fmt: skip
        _insert(index, run, row, [])
        return "ownerless"
    except (LMCError, SQLAlchemyError, KeyError):
        log.warning("the folder of run %s names no request that gives it", run)
        return "unread"


def _insert(index: Index, run: str, row: Mapping[str, Any], claims: list[Mapping[str, Any]]) -> None:
    """Add the rows of one run. Raises InputError if they are another run's."""
    if Request.stored(row["request"]).id != run:
        raise InputError(f"the entry of run {run} is of another request")
    index.insert(RUNS, **{**_columns(RUNS, row), "id": run, "state": "done"})
    for claim in claims:
        index.insert(UPLOADS, **{**_columns(UPLOADS, claim), "run": run})


def _columns(table: sql.Table, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in table.c}
