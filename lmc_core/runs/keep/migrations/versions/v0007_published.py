"""Runs that visitors asked for are in the gallery only where they were published."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    runs = sql.table("runs", *map(sql.column, ("listed", "owner", "published")))
    op.execute(runs.update().where(runs.c.owner.is_not(None), ~runs.c.published).values(listed=sql.false()))
