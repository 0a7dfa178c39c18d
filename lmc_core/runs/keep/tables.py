"""The tables of the index, as the last of the steps in `migrations` leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sql

tables = sql.MetaData()

QUEUED = sql.text("state = 'queued'")
MADE = sql.text("model IS NOT NULL")

RUNS = sql.Table(
    "runs",
    tables,
    sql.Column("id", sql.String(16), primary_key=True),
    sql.Column("kind", sql.String(32), nullable=False),
    sql.Column("request", sql.Text, nullable=False),
    sql.Column("likeness", sql.String(400), nullable=False, default=""),
    sql.Column("title", sql.Text, nullable=False, default=""),
    sql.Column("state", sql.String(16), nullable=False, index=True),
    sql.Column("stage", sql.Text, nullable=False, default=""),
    sql.Column("part", sql.Text, nullable=False, default="", server_default=""),
    sql.Column("done", sql.Integer, nullable=False, default=0),
    sql.Column("total", sql.Integer, nullable=False, default=0),
    sql.Column("partial", sql.Text, nullable=False, default="{}"),
    sql.Column("reason", sql.Text, nullable=False, default=""),
    sql.Column("finding", sql.Text, nullable=False, default=""),
    sql.Column("model", sql.String(80)),
    sql.Column("owner", sql.String(80)),
    sql.Column("listed", sql.Boolean, nullable=False, default=True),
    sql.Column("created", sql.Float, nullable=False),
    sql.Column("queued", sql.Float, nullable=False, index=True),
    sql.Column("started", sql.Float),
    sql.Column("finished", sql.Float),
    sql.Column("elapsed", sql.Float),  # seconds of computing, by a clock that nobody sets
    sql.Column("lost", sql.Integer, nullable=False, default=0, server_default="0"),  # how often its machine was
    sql.Column("cancel", sql.Boolean, nullable=False, default=False),
    sql.Column("server", sql.String(200), nullable=False, default=""),
    sql.Column("beat", sql.Float, nullable=False, default=0.0),
    sql.Column("tags", sql.String(200), nullable=False, default="", server_default=""),
    sql.Column("bytes", sql.BigInteger),  # of its stored result; None until that is measured
    sql.Column("opened", sql.Float),  # when its result was last read, or stored
    sql.Column("published", sql.Boolean, nullable=False, default=False, server_default=sql.false()),  # by its owner
    sql.Column("removed", sql.Float),  # when its result was, for want of room or of readers
    sql.Index("ix_runs_owner_started", "owner", "started"),
    sql.Index("ix_runs_created", "created"),
    sql.Index("ix_runs_finished", "finished"),
    sql.Index("ix_runs_opened", "opened"),
    sql.Index("ix_runs_owner_created", "owner", "created"),
    sql.Index(
        "ix_runs_listed", "state", "created", sqlite_where=sql.text("listed = 1"), postgresql_where=sql.text("listed")
    ),
    sql.Index("ix_runs_made", "kind", "state", sqlite_where=MADE, postgresql_where=MADE),
    sql.Index("ix_runs_turn", "owner", "queued", "id", sqlite_where=QUEUED, postgresql_where=QUEUED),
)

WANTED = sql.Table(  # who waits for a run: it is stopped only when nobody is left
    "wanted",
    tables,
    sql.Column("run", sql.String(16), primary_key=True),
    sql.Column("owner", sql.String(80), primary_key=True),
)

UPLOADS = sql.Table(  # who owns which uploaded file; the model it became is the `model` of the run that inspected it
    "uploads",
    tables,
    sql.Column("run", sql.String(16), primary_key=True),
    sql.Column("owner", sql.String(80), primary_key=True),
    sql.Column("digest", sql.String(64), nullable=False),
    sql.Column("filename", sql.Text, nullable=False),
    sql.Column("bytes", sql.BigInteger, nullable=False),
    sql.Column("listed", sql.Boolean, nullable=False, default=False),
    sql.Column("created", sql.Float, nullable=False),
)

KEYS = sql.Table(  # secrets of all servers that share this database
    "keys",
    tables,
    sql.Column("name", sql.String(32), primary_key=True),
    sql.Column("value", sql.String(64), nullable=False),
)

_LOCK = 6_307_421  # any number, the same for all servers of a Postgres


@contextmanager
def alone(database: sql.Engine) -> Iterator[sql.Connection]:
    """A transaction that no other server enters while it lasts."""
    with database.connect() as connection:
        if database.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif database.dialect.name == "postgresql":
            connection.execute(sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection
        connection.commit()
