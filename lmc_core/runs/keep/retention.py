"""How much of all results is kept, and how long: what was not opened for longest goes first, and can be computed again.

Counted is what can be computed again: neither what a checkout brings along, nor what was read from a visitor's file,
whose bytes are counted as uploads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sql

from lmc_core.errors import RunError
from lmc_core.runs.keep import entries
from lmc_core.runs.keep.tables import RUNS, alone
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.values.status import FINAL

if TYPE_CHECKING:
    from lmc_core.runs.keep import Archive

log = logging.getLogger("lmc_core.runs.keep.retention")

DAY = 86_400.0
READ = tuple(name for name, kind in KINDS.items() if kind.reads_file)
USED = sql.func.coalesce(RUNS.c.opened, RUNS.c.created)
"""When a result was last opened, or stored."""

AGED = "This result was removed after nobody had opened it for {days:g} days. Compute it again to see it."
CROWDED = "This result was removed to make room for newer ones. Compute it again to see it."
TAKEN = (
    "{whose} published results would have {wanted:.1f} MB, but at most {limit:.1f} MB may be published, since those "
    "are never removed to make room; take another one out of the gallery"
)

Candidate = tuple[str, float, int]
"""A run, when it was last used, its bytes."""


def tidy(archive: Archive) -> list[str]:
    """Remove what nobody opened for LMC_RESULT_DAYS, then the oldest of visitors and of all that pass their limits.

    Published results are removed by age alone, so their owner's own limit bounds them; see `check_published`.
    Returns the runs whose results were removed; their rows stay, with owner, title and finding.
    """
    host, index = archive.host, archive.index
    archive.note_openings()
    entries.measure(archive.store, index)
    before = time.time() - host.result_days * DAY
    with index.database.connect() as connection:
        aged = _oldest(connection, sql.and_(_counted(archive), before > USED))
    removed = _remove(archive, aged, AGED.format(days=host.result_days))
    with index.database.connect() as connection:
        per_owner = sql.select(RUNS.c.owner).where(_counted(archive), RUNS.c.owner.is_not(None))
        per_owner = per_owner.group_by(RUNS.c.owner).having(sql.func.sum(RUNS.c.bytes) > host.results_per_owner)
        owners = list(connection.scalars(per_owner))
    for owner in owners:
        theirs = sql.and_(_counted(archive), RUNS.c.owner == owner)
        removed += _remove(archive, _overflow(archive, theirs, host.results_per_owner), CROWDED)
    removed += _remove(archive, _overflow(archive, _counted(archive), host.results_bytes), CROWDED)
    if removed:
        log.info("%d results were removed", len(removed))
    return removed


def delete(archive: Archive, run: str, owner: str) -> bool:
    """Forget a run of `owner` that has ended: its row, its result and all other files. True if there was one.

    Not a file that was read, which the library deletes, nor what a checkout brings along.
    """
    theirs = sql.and_(RUNS.c.id == run, RUNS.c.owner == owner, RUNS.c.state.in_(FINAL), RUNS.c.kind.not_in(READ))
    with alone(archive.index.database) as connection:
        if run in archive.shipped or not connection.execute(RUNS.delete().where(theirs)).rowcount:
            return False
        archive.store.remove("runs", run)  # if this fails, the row stays
    return True


def counted(archive: Archive, owner: str | None = None) -> int:
    """Bytes of all results, or of one owner's."""
    which = _counted(archive) if owner is None else sql.and_(_counted(archive), RUNS.c.owner == owner)
    with archive.index.database.connect() as connection:
        return _sum(connection, which)


def check_published(archive: Archive, connection: sql.Connection, run: str, owner: str) -> None:
    """Raises RunError if, with this run, more would be published than an owner, or all of them, may keep."""
    if connection.scalar(sql.select(RUNS.c.published).where(RUNS.c.id == run)):
        return
    with_it = sql.and_(_counted(archive), sql.or_(RUNS.c.published, RUNS.c.id == run))
    for whose, which, limit in (
        ("Your", sql.and_(with_it, RUNS.c.owner == owner), archive.host.results_per_owner),
        ("All", with_it, archive.host.results_bytes),
    ):
        if (wanted := _sum(connection, which)) > limit:
            raise RunError(TAKEN.format(whose=whose, wanted=wanted / 2**20, limit=limit / 2**20))


def _counted(archive: Archive) -> sql.ColumnElement[bool]:
    return sql.and_(RUNS.c.bytes > 0, RUNS.c.kind.not_in(READ), RUNS.c.id.not_in(archive.shipped))


def _sum(connection: sql.Connection, which: sql.ColumnElement[bool]) -> int:
    return int(connection.scalar(sql.select(sql.func.sum(RUNS.c.bytes)).where(which)) or 0)


def _oldest(connection: sql.Connection, which: sql.ColumnElement[bool]) -> list[Candidate]:
    """The results that nobody computes now, those first that were not used for longest."""
    query = sql.select(RUNS.c.id, USED, RUNS.c.bytes).where(which, RUNS.c.state.in_(FINAL))
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(USED, RUNS.c.finished, RUNS.c.id))]


def _overflow(archive: Archive, which: sql.ColumnElement[bool], limit: int) -> Sequence[Candidate]:
    """The oldest unpublished results whose removal brings all of them within a limit."""
    with archive.index.database.connect() as connection:
        excess = _sum(connection, which) - limit
        if excess <= 0:
            return ()
        found: list[Candidate] = []
        for candidate in _oldest(connection, sql.and_(which, ~RUNS.c.published)):
            if excess <= 0:
                break
            found.append(candidate)
            excess -= candidate[2]
    return found


def _remove(archive: Archive, candidates: Iterable[Candidate], reason: str) -> list[str]:
    """Remove results that were not opened since they were chosen; which ones."""
    return [run for run, used, _ in candidates if _removed(archive, run, used, reason)]


def _removed(archive: Archive, run: str, used: float, reason: str) -> bool:
    """Remove one result while nobody can ask for it again: the row waits for the files, whatever becomes of them."""
    same = sql.and_(RUNS.c.id == run, RUNS.c.state.in_(FINAL), used >= USED)
    values = {"state": "failed", "reason": reason, "removed": time.time(), "bytes": 0}
    with alone(archive.index.database) as connection:
        if not connection.execute(RUNS.update().where(same).values(**values)).rowcount:
            return False
        archive.store.strip("runs", run, but=entries.FILE)
    archive.note(run)
    return True
