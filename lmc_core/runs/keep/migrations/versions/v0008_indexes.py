"""What every page asks takes as long with many runs as with few: what visitors brought, and what is in the gallery."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.create_index("ix_runs_owner_created", "runs", ["owner", "created"])
    for name, columns, rows in (
        ("ix_runs_listed", ["state", "created"], {"sqlite": "listed = 1", "postgresql": "listed"}),
        ("ix_runs_made", ["kind", "state"], {"sqlite": "model IS NOT NULL", "postgresql": "model IS NOT NULL"}),
    ):
        where = {f"{dialect}_where": sql.text(text) for dialect, text in rows.items()}
        op.create_index(name, "runs", columns, **where)
