"""The tables as they were when steps began to be counted, made or completed in databases that are older."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    there = sql.inspect(op.get_bind())
    tables = there.get_table_names()
    if "runs" not in tables:
        _create_runs()
    elif "tags" not in {column["name"] for column in there.get_columns("runs")}:
        op.add_column("runs", sql.Column("tags", sql.String(200), nullable=False, server_default=""))
    if "wanted" not in tables:
        op.create_table(
            "wanted",
            sql.Column("run", sql.String(16), primary_key=True),
            sql.Column("owner", sql.String(80), primary_key=True),
        )
    if "uploads" not in tables:
        op.create_table(
            "uploads",
            sql.Column("run", sql.String(16), primary_key=True),
            sql.Column("owner", sql.String(80), primary_key=True),
            sql.Column("digest", sql.String(64), nullable=False),
            sql.Column("filename", sql.Text, nullable=False),
            sql.Column("bytes", sql.BigInteger, nullable=False),
            sql.Column("listed", sql.Boolean, nullable=False),
            sql.Column("created", sql.Float, nullable=False),
        )
    if "keys" not in tables:
        op.create_table(
            "keys",
            sql.Column("name", sql.String(32), primary_key=True),
            sql.Column("value", sql.String(64), nullable=False),
        )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sql.Column("id", sql.String(16), primary_key=True),
        sql.Column("kind", sql.String(32), nullable=False),
        sql.Column("request", sql.Text, nullable=False),
        sql.Column("likeness", sql.String(400), nullable=False),
        sql.Column("title", sql.Text, nullable=False),
        sql.Column("state", sql.String(16), nullable=False),
        sql.Column("stage", sql.Text, nullable=False),
        sql.Column("done", sql.Integer, nullable=False),
        sql.Column("total", sql.Integer, nullable=False),
        sql.Column("partial", sql.Text, nullable=False),
        sql.Column("reason", sql.Text, nullable=False),
        sql.Column("finding", sql.Text, nullable=False),
        sql.Column("model", sql.String(80)),
        sql.Column("owner", sql.String(80)),
        sql.Column("listed", sql.Boolean, nullable=False),
        sql.Column("created", sql.Float, nullable=False),
        sql.Column("queued", sql.Float, nullable=False),
        sql.Column("started", sql.Float),
        sql.Column("finished", sql.Float),
        sql.Column("cancel", sql.Boolean, nullable=False),
        sql.Column("server", sql.String(200), nullable=False),
        sql.Column("beat", sql.Float, nullable=False),
        sql.Column("tags", sql.String(200), nullable=False, server_default=""),
    )
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_index("ix_runs_queued", "runs", ["queued"])
