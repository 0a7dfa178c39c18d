"""The table of all runs: queue, progress and findings, in any SQL database SQLAlchemy speaks to."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError

from lmc_core.runs.keep.migrations import upgrade
from lmc_core.runs.keep.tables import KEYS, RUNS, WANTED, alone, tables
from lmc_core.runs.kinds import stages
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.status import EXPECTED, Order, RunStatus

log = logging.getLogger("lmc_core.runs.keep.index")

PATIENCE = 10.0
"""Seconds that a writer waits for another before it fails."""
PROBE = 1.0
"""The same, of a health check."""
MANY = 500
"""Runs that one statement names at most."""

REMEMBERED = 2_000
"""Runs, the last ones, that a server makes estimates from when it starts: looking through all would take longer with
every run."""

SIMILAR = 5
"""Of those, how many of the most similar."""
CACHE = 512
"""KiB of pages that a connection to SQLite holds: there are as many connections as threads, and the system holds the
same pages once for all of them."""

ORDERS: Mapping[Order, tuple[sql.ColumnElement[Any], ...]] = {
    "newest": (RUNS.c.created.desc(),),
    "oldest": (RUNS.c.created,),
    "title": (RUNS.c.title, RUNS.c.created.desc()),
}


Took = dict[str, list[tuple[float, float]]]
"""Likeness → the runs of it that count in an estimate, the latest first: when they ended, and seconds."""


class Index:
    """All runs of one database. Safe to use from many threads and from many servers at once."""

    def __init__(self, address: str):
        url = sql.make_url(address)
        self._sqlite = url.get_backend_name() == "sqlite"
        self._file = Path(url.database) if self._sqlite and url.database else None
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        self.database = sql.create_engine(url, pool_pre_ping=not self._sqlite, hide_parameters=True)
        if self._sqlite:
            sql.event.listen(self.database, "connect", _set_up_sqlite)
        self.tables = tables
        self._inode: int | None = None
        self._past: tuple[tuple[Any, ...] | None, Took] = (None, {})
        self.renew()

    @property
    def sound(self) -> bool:
        """False if the file that was opened is no longer there, is another one now, or is no database any more."""
        return self._file is None or (_number(self._file) == self._inode and _is_database(self._file))

    @property
    def empty(self) -> bool:
        """True if it knows of no run."""
        with self.database.connect() as connection:
            return connection.execute(sql.select(RUNS.c.id).limit(1)).first() is None

    def renew(self) -> None:
        """Open the database anew, and begin one where there is none. A file that is no database is put aside."""
        self.database.dispose()
        if self._file is not None and self._file.exists() and not _is_database(self._file):
            aside = f"{self._file}.damaged-{time.time_ns()}"
            log.error("%s is no database any more; it is kept as %s", self._file, aside)
            self._file.rename(aside)
        if self._file is not None and not self._file.exists():
            for part in ("-wal", "-shm"):  # of the file that is gone
                Path(f"{self._file}{part}").unlink(missing_ok=True)
        try:
            upgrade(self.database)
        except Exception:
            self.database.dispose()
            raise
        self._inode = _number(self._file) if self._file is not None else None

    def close(self) -> None:
        """Let go of the database."""
        self.database.dispose()

    def probe(self) -> None:
        """Raises DBAPIError if nothing can be written at the moment."""
        with self.database.connect() as connection:
            if self._sqlite:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * PROBE:.0f}")
            else:
                connection.execute(sql.text(f"SET LOCAL lock_timeout = '{PROBE:g}s'"))
            try:
                connection.execute(sql.text("UPDATE alembic_version SET version_num = version_num"))
                connection.commit()
            finally:
                if self._sqlite:
                    connection.rollback()
                    connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * PATIENCE:.0f}")

    def enqueue(
        self,
        request: Request,
        *,
        title: str,
        likeness: str,
        listed: bool,
        owner: str | None = None,
        state: str = "queued",
        finding: str = "",
    ) -> bool:
        """Put a request in the queue unless it waits, runs or is done already. True if it is newly queued.

        owner   who asks; the run belongs to whoever asked for it first, whatever became of it
        state   "done" if its result is stored already, with its finding
        """
        now = time.time()
        stored = {"bytes": None, "opened": now} if state == "done" else {}
        fresh: dict[str, Any] = {
            "state": state, "stage": "", "part": "", "done": 0, "total": 0, "partial": "{}", "reason": "",
            "finding": finding,
            "queued": now, "started": None, "finished": None, "cancel": False, "server": "", "likeness": likeness,
            "elapsed": None, "lost": 0, "removed": None, **stored,
        }  # fmt: skip
        if state == "queued":
            self.want(request.id, owner)
        if self._update(request.id, ("failed", "cancelled", "interrupted"), **fresh):
            return True
        row = {"id": request.id, "kind": request.kind, "request": request.json, "created": now, **fresh}
        return self.insert(RUNS, title=title, listed=listed, owner=owner, **row)

    def want(self, run: str, owner: str | None) -> None:
        """Note that a visitor waits for a run."""
        if owner is not None:
            self.insert(WANTED, run=run, owner=owner)

    def wanted(self, run: str, owner: str) -> bool:
        """True if a visitor waits for a run."""
        return bool(self.count(WANTED, sql.and_(WANTED.c.run == run, WANTED.c.owner == owner)))

    def requeue(self, run: str, owner: str | None = None) -> bool:
        """Queue a run again whose stored result has vanished."""
        self.want(run, owner)
        fresh: dict[str, Any] = {"state": "queued", "started": None, "finished": None, "elapsed": None, "lost": 0}
        return self._update(run, ("done",), queued=time.time(), bytes=0, **fresh)

    def again(self, run: str) -> bool:
        """Put a run back into the queue, in its old place, because the machine that computed it was lost.

        True if it is, which happens once: whatever is lost twice may be what loses machines.
        """
        fresh: dict[str, Any] = {"state": "queued", "stage": "", "part": "", "done": 0, "total": 0, "partial": "{}"}
        once = sql.and_(RUNS.c.id == run, RUNS.c.state == "running", ~RUNS.c.cancel, RUNS.c.lost == 0)
        return self.change(RUNS, once, started=None, elapsed=None, server="", lost=1, **fresh)

    def spoil(self, run: str, reason: str) -> bool:
        """Say of a run that is done that its result can no longer be read. Its finding stays, and its owner."""
        return self._update(run, ("done",), state="failed", reason=reason)

    def claim(self, server: str, accepts: Sequence[str] | None = None) -> Request | None:
        """Take the run whose turn it is, and mark it running; None if nothing waits.

        accepts   kinds that may be taken; None = all
        """
        while True:
            turns = _turns()
            first = sql.select(RUNS.c.id, RUNS.c.request).join(turns, turns.c.id == RUNS.c.id)
            if accepts is not None:
                first = first.where(RUNS.c.kind.in_(accepts))
            with self.database.connect() as connection:
                row = connection.execute(first.order_by(turns.c.turn, RUNS.c.queued, RUNS.c.id).limit(1)).first()
            if row is None:
                return None
            now = time.time()
            if self._update(row.id, ("queued",), state="running", started=now, beat=now, server=server, cancel=False):
                return Request.stored(row.request)

    def progress(
        self,
        run: str,
        stage: str,
        part: str,
        done: int,
        total: int,
        partial: Mapping[str, Any],
        elapsed: float | None = None,
    ) -> None:
        """How far a run is that is being computed, since how many seconds, and what can be shown of it already."""
        values = {"stage": stage, "part": part, "done": done, "total": total, "partial": json.dumps(partial)}
        self._update(run, ("running",), elapsed=elapsed, beat=time.time(), **values)

    def beat(self, run: str, elapsed: float) -> None:
        """Say that the run is being worked on, since how many seconds."""
        self._update(run, ("running",), elapsed=elapsed, beat=time.time())

    def cancelling(self, run: str) -> bool:
        """True if somebody wants the run stopped."""
        with self.database.connect() as connection:
            return bool(connection.scalar(sql.select(RUNS.c.cancel).where(RUNS.c.id == run)))

    def finish(
        self,
        run: str,
        state: str,
        *,
        reason: str = "",
        finding: str = "",
        model: str | None = None,
        size: int | None = None,
        elapsed: float | None = None,
    ) -> None:
        """A run that was being computed has ended: done, failed or cancelled.

        size      bytes of its stored result; None if they are still to be measured
        elapsed   seconds that it took, by a clock that nobody sets
        """
        now = time.time()
        values: dict[str, Any] = {"state": state, "reason": reason, "finished": now, "elapsed": elapsed}
        if state == "done":
            values |= {"finding": finding, "model": model, "bytes": size, "opened": now}
        self._update(run, ("running",), **values)
        self.delete(WANTED, WANTED.c.run == run)

    def cancel(self, run: str, owner: str | None = None) -> bool:
        """Ask for a run to stop: at once if it waits, soon if it runs. True if it was asked.

        owner   a visitor stops a run only if it was theirs and nobody else waits for it; None may stop any run
        """
        with self.database.begin() as connection:
            if owner is not None:
                mine = WANTED.delete().where(WANTED.c.run == run, WANTED.c.owner == owner)
                if not connection.execute(mine).rowcount:
                    return False
                if connection.scalar(sql.select(sql.func.count()).where(WANTED.c.run == run)):
                    return False
        now = time.time()
        if self._update(run, ("queued",), state="cancelled", cancel=True, finished=now, reason="Stopped on request."):
            self.delete(WANTED, WANTED.c.run == run)
            return True
        return self._update(run, ("running",), cancel=True)

    def interrupt(self, servers: Sequence[str], reason: str, but: Sequence[str] = ()) -> int:
        """Mark as interrupted what servers run that are gone; `but` some runs."""
        lost = sql.and_(RUNS.c.state == "running", RUNS.c.server.in_(servers), RUNS.c.id.not_in(but))
        ended = RUNS.update().where(lost).values(state="interrupted", reason=reason, finished=time.time())
        with self.database.begin() as connection:
            connection.execute(WANTED.delete().where(WANTED.c.run.in_(sql.select(RUNS.c.id).where(lost))))
            return connection.execute(ended).rowcount

    def servers(self) -> dict[str, float]:
        """Every server that runs something, and when it last said so."""
        query = sql.select(RUNS.c.server, sql.func.max(RUNS.c.beat)).where(RUNS.c.state == "running")
        with self.database.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(RUNS.c.server))}

    def status(self, run: str) -> RunStatus | None:
        """How a run stands; None if it is not known."""
        with self.database.connect() as connection:
            row = connection.execute(sql.select(RUNS).where(RUNS.c.id == run)).first()
            if row is None:
                return None
            position = None
            if row.state == "queued":
                turns = _turns()
                order = sql.select(turns.c.id).order_by(turns.c.turn, turns.c.queued, turns.c.id)
                waiting = list(connection.scalars(order))
                position = 1 + waiting.index(run) if run in waiting else 1
        expected = self.expected(row.likeness) if row.state in ("queued", "running") else None
        return _status(row, position, expected)

    def recent(
        self,
        limit: int,
        *,
        kind: str | Sequence[str] | None,
        state: str | None,
        owner: str | None,
        words: str = "",
        mine: bool = False,
        order: Order = "newest",
    ) -> list[RunStatus]:
        """The first runs in an order that are listed, or asked for by `owner`, that hold every one of `words`.

        mine   only what `owner` was the first to ask for
        """
        visible = RUNS.c.listed if owner is None else sql.or_(RUNS.c.listed, RUNS.c.owner == owner)
        visible = RUNS.c.owner == owner if mine else visible
        query = sql.select(RUNS).where(visible).order_by(*ORDERS[order]).limit(limit)
        for word in words.split()[:8]:
            texts = (RUNS.c.title, RUNS.c.finding, RUNS.c.tags)
            query = query.where(sql.or_(*(text.icontains(word, autoescape=True) for text in texts)))
        if kind is not None:
            query = query.where(RUNS.c.kind.in_((kind,) if isinstance(kind, str) else kind))
        if state is not None:
            query = query.where(RUNS.c.state == state)
        with self.database.connect() as connection:
            return [_status(row, None, None) for row in connection.execute(query)]

    def owned(self, run: str, owner: str) -> bool:
        """True if `owner` was the first to ask for the run."""
        return bool(self.count(RUNS, sql.and_(RUNS.c.id == run, RUNS.c.owner == owner)))

    def publish(
        self,
        run: str,
        owner: str,
        listed: bool,
        tags: Sequence[str],
        check: Callable[[sql.Connection], None] = lambda _: None,
    ) -> bool:
        """List a finished run for everybody, with tags, or no longer. True if it belongs to `owner`.

        check   raises whatever speaks against it, in the same transaction
        """
        mine = sql.and_(RUNS.c.id == run, RUNS.c.owner == owner, RUNS.c.state == "done")
        with alone(self.database) as connection:
            if listed:
                check(connection)
            changed = RUNS.update().where(mine).values(listed=listed, published=listed, tags=",".join(tags))
            return bool(connection.execute(changed).rowcount)

    def opened(self, runs: Sequence[str]) -> None:
        """Note that results were looked at."""
        now = time.time()
        for start in range(0, len(runs), MANY):
            self.change(RUNS, RUNS.c.id.in_(runs[start : start + MANY]), opened=now)

    def request(self, run: str) -> Request | None:
        """What was asked for; None if the run is not known."""
        with self.database.connect() as connection:
            text = connection.scalar(sql.select(RUNS.c.request).where(RUNS.c.id == run))
        return None if text is None else Request.stored(text)

    def waiting(self, owner: str | None = None) -> int:
        """How many runs wait or run; of those that visitors asked for, the ones that `owner` waits for if given."""
        waiting = RUNS.c.state.in_(("queued", "running"))
        if owner is None:
            return self.count(RUNS, waiting)
        theirs = sql.select(WANTED.c.run).where(WANTED.c.owner == owner)
        return self.count(RUNS, sql.and_(waiting, RUNS.c.owner.is_not(None), RUNS.c.id.in_(theirs)))

    def expected(self, likeness: str, least: int = 3) -> float | None:
        """Seconds that the most similar earlier runs took (median of the last SIMILAR), or None if there were none.

        likeness   words from general to special, "path|digits|mlp 2^15|…": the longest shared start wins
        least      how many words must be shared at least

        Only the last REMEMBERED runs count, and those that have ended since.
        """
        words = likeness.split("|")
        took = self._took()
        for length in range(len(words), min(least, len(words)) - 1, -1):
            start = "|".join(words[:length])
            past = [each for other, all in took.items() if f"{other}|".startswith(f"{start}|") for each in all]
            if past:
                return float(statistics.median(seconds for _, seconds in sorted(past, reverse=True)[:SIMILAR]))
        return None

    def _took(self) -> Took:
        """What the last REMEMBERED runs took, and all that have ended since that was first asked."""
        once = sql.and_(
            sql.or_(RUNS.c.state == "done", RUNS.c.removed.is_not(None)),
            RUNS.c.elapsed.is_not(None),
            RUNS.c.finished.is_not(None),
        )
        last = sql.select(RUNS.c.id, RUNS.c.finished).where(once).order_by(RUNS.c.finished.desc()).limit(1)
        ended = sql.select(RUNS.c.likeness, RUNS.c.elapsed, RUNS.c.finished).where(once)
        with self.database.connect() as connection:
            newest = connection.execute(last).first()
            known, took = self._past
            if newest is None:
                self._past = None, (took := {})
            elif known != tuple(newest):
                on = known is not None and known[1] < newest.finished and len(took) < REMEMBERED
                seen = {**took} if on else {}
                more = ended.where(RUNS.c.finished > known[1]) if known is not None and on else ended
                found = connection.execute(more.order_by(RUNS.c.finished.desc()).limit(REMEMBERED)).all()
                for row in reversed(found):  # the latest first
                    seen[row.likeness] = [(row.finished, row.elapsed), *seen.get(row.likeness, ())][:SIMILAR]
                self._past = tuple(newest), (took := seen)
        return took

    def unguessable(self, digest: str) -> str:
        """What to call content of this digest here: 64 hex digits, which do not follow from the content alone.

        HMAC-SHA256 (RFC 2104) under a key of this database, so that all its servers call the same content the same.
        """
        return hmac.new(self._key, digest.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        """The key behind names, drawn by the first server that needs it."""
        self.insert(KEYS, name="names", value=secrets.token_hex(32))
        drawn = sql.select(KEYS.c.value).where(KEYS.c.name == "names")
        with self.database.connect() as connection:
            return bytes.fromhex(connection.execute(drawn).scalar_one())

    def _update(self, run: str, states: Sequence[str], **values: Any) -> bool:
        return self.change(RUNS, sql.and_(RUNS.c.id == run, RUNS.c.state.in_(states)), **values)

    def insert(self, table: sql.Table, **values: Any) -> bool:
        """Add a row. False if it is there already."""
        try:
            with self.database.begin() as connection:
                connection.execute(table.insert().values(**values))
        except IntegrityError:  # another visitor, thread or server was first
            return False
        return True

    def change(self, table: sql.Table, where: sql.ColumnElement[bool], **values: Any) -> bool:
        """Set values of the rows that meet a condition; whether there were any."""
        with self.database.begin() as connection:
            return bool(connection.execute(table.update().where(where).values(**values)).rowcount)

    def delete(self, table: sql.Table, where: sql.ColumnElement[bool]) -> bool:
        """Remove the rows that meet a condition; whether there were any."""
        with self.database.begin() as connection:
            return bool(connection.execute(table.delete().where(where)).rowcount)

    def count(self, table: sql.Table, where: sql.ColumnElement[bool]) -> int:
        """How many rows meet a condition."""
        with self.database.connect() as connection:
            return connection.scalar(sql.select(sql.func.count()).select_from(table).where(where)) or 0


def _turns() -> sql.Subquery:
    """The runs that wait, each with its turn: how many of its owner's go before it or went while it waited.

    Whoever asks for many waits for their own; the first of everybody else's goes before their second.
    """
    other = RUNS.alias("other")
    served = sql.select(sql.func.count()).where(other.c.owner == RUNS.c.owner, other.c.started > RUNS.c.queued)
    own = sql.func.row_number().over(partition_by=RUNS.c.owner, order_by=(RUNS.c.queued, RUNS.c.id))
    turn = own + served.correlate(RUNS).scalar_subquery()
    return sql.select(RUNS.c.id, RUNS.c.queued, turn.label("turn")).where(RUNS.c.state == "queued").subquery("turns")


def _status(row: Any, position: int | None, expected: float | None) -> RunStatus:
    partial = json.loads(row.partial)
    if row.state == "running" and expected is None:
        expected = partial.get(EXPECTED)
    return RunStatus(
        row.id, row.kind, row.state, row.title, row.stage, row.done, row.total, row.elapsed or 0.0, expected, position,
        row.reason, partial, row.finding, row.listed, row.created, row.model,
        tuple(filter(None, row.tags.split(","))), row.part, stages(row.kind), row.removed,
    )  # fmt: skip


def _number(file: Path) -> int | None:
    """What the file system calls a file; None if there is none."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def _is_database(file: Path) -> bool:
    """True if a file can be read as a database of SQLite, or as one that is empty yet."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=PROBE)) as database:
            return bool(database.execute("PRAGMA schema_version").fetchone()) and _whole(database)
    except sqlite3.OperationalError as error:  # locked, or a disk that is away: nothing is known of its content
        return "no such table" not in str(error)
    except sqlite3.DatabaseError:
        return False


def _whole(database: sqlite3.Connection) -> bool:
    """False if some tables are there and others are not: what a file cut short, or another program's, holds."""
    found = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not found or "runs" in found


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Readers do not wait for the writer, and writers wait for each other instead of failing."""
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={1000 * PATIENCE:.0f}",
        f"cache_size=-{CACHE}",
    ):
        connection.execute(f"PRAGMA {pragma}")
