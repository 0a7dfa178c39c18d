"""What every page asks takes as long with many runs as with few: what visitors brought, and what is in the gallery."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.create_index("ix_runs_owner_created", "runs", ["owner", "created"])
    shown, own = sql.text("listed = 1"), sql.text("listed")
    op.create_index("ix_runs_listed", "runs", ["state", "created"], sqlite_where=shown, postgresql_where=own)
    made = sql.text("model IS NOT NULL")
    op.create_index("ix_runs_made", "runs", ["kind", "state"], sqlite_where=made, postgresql_where=made)
