"""How large a result is, when it was last opened, whether its owner published it, and when it was removed."""

from __future__ import annotations

import time

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0004", "0003"
NAME = "ix_runs_opened"


def upgrade() -> None:
    there = sql.inspect(op.get_bind())
    columns = {column["name"] for column in there.get_columns("runs")}
    for column in (
        sql.Column("bytes", sql.BigInteger),
        sql.Column("opened", sql.Float),
        sql.Column("published", sql.Boolean, nullable=False, server_default=sql.false()),
        sql.Column("removed", sql.Float),
    ):
        if column.name not in columns:
            op.add_column("runs", column)
    runs = sql.table("runs", *map(sql.column, ("state", "listed", "owner", "opened", "published")))
    if "opened" not in columns:  # nobody noted it so far: the days are counted from now
        op.execute(runs.update().where(runs.c.state == "done").values(opened=time.time()))
    if "published" not in columns:  # what its owner put into the gallery cannot be told from what began there
        op.execute(runs.update().where(runs.c.listed, runs.c.owner.is_not(None)).values(published=sql.true()))
    if NAME not in {index["name"] for index in there.get_indexes("runs")}:
        op.create_index(NAME, "runs", ["opened"])
