"""How long a run took by a clock that nobody sets, and how often its machine was lost."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    columns = {column["name"] for column in sql.inspect(op.get_bind()).get_columns("runs")}
    for column in (
        sql.Column("elapsed", sql.Float),
        sql.Column("lost", sql.Integer, nullable=False, server_default="0"),
    ):
        if column.name not in columns:
            op.add_column("runs", column)
    runs = sql.table("runs", *map(sql.column, ("started", "finished", "elapsed")))
    if "elapsed" not in columns:  # by the clock on the wall, as it was noted so far
        op.execute(
            runs.update().where(runs.c.finished >= runs.c.started).values(elapsed=runs.c.finished - runs.c.started)
        )
