"""What the gallery, the queue and estimates look up does not take longer with every run that is kept."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0005", "0004"
QUEUED = sql.text("state = 'queued'")
INDICES = {
    "ix_runs_created": (["created"], None),
    "ix_runs_finished": (["finished"], None),
    "ix_runs_turn": (["owner", "queued", "id"], QUEUED),
}


def upgrade() -> None:
    known = {index["name"] for index in sql.inspect(op.get_bind()).get_indexes("runs")}
    for name, (columns, where) in INDICES.items():
        if name not in known:
            op.create_index(name, "runs", columns, sqlite_where=where, postgresql_where=where)
