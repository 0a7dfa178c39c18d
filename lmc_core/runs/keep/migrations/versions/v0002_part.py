"""What of its stage a run is doing has a column of its own."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    if "part" not in {column["name"] for column in sql.inspect(op.get_bind()).get_columns("runs")}:
        op.add_column("runs", sql.Column("part", sql.Text, nullable=False, server_default=""))
