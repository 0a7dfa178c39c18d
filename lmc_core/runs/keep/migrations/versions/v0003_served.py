"""When an owner was last served is looked up for every run that waits."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0003", "0002"
NAME = "ix_runs_owner_started"


def upgrade() -> None:
    if NAME not in {index["name"] for index in sql.inspect(op.get_bind()).get_indexes("runs")}:
        op.create_index(NAME, "runs", ["owner", "started"])
