"""How much visitors may keep here: of one file, of one visitor, of all together."""

from __future__ import annotations

import sqlalchemy as sql

from lmc_core.errors import CheckpointError
from lmc_core.runs.keep import opened
from lmc_core.runs.keep.tables import RUNS, UPLOADS

ANYBODY = "local"
"""The owner of what the host itself brings, who has no share of the quota."""


def upload_limit() -> int:
    """Bytes that one upload may have."""
    return opened().host.upload_bytes


def stored_bytes(owner: str | None = None) -> int:
    """Size of all uploads, or those of one owner, that are kept or wait to be inspected, each counted once."""
    kept = sql.select(UPLOADS.c.digest, sql.func.max(UPLOADS.c.bytes).label("bytes"))
    kept = kept.join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run).where(RUNS.c.state != "failed")
    kept = kept if owner is None else kept.where(UPLOADS.c.owner == owner)
    each = kept.group_by(UPLOADS.c.digest).subquery()
    with opened().index.database.connect() as connection:
        return int(connection.scalar(sql.select(sql.func.sum(each.c.bytes))) or 0)


def check_room(name: str, size: int, owner: str) -> None:
    """Raises CheckpointError if the store, or the owner's share of it, has no room for so many bytes more."""
    host = opened().host
    free = max(0, host.quota_bytes - stored_bytes())
    if size > free:
        raise CheckpointError(f"{name!r} has {megabytes(size)}, but only {megabytes(free)} are left on this server")
    if owner != ANYBODY and (mine := stored_bytes(owner)) + size > host.quota_per_owner:
        raise CheckpointError(
            f"{name!r} has {megabytes(size)}, and your files have {megabytes(mine)} of the "
            f"{megabytes(host.quota_per_owner)} that one visitor may keep here; delete some"
        )


def megabytes(size: int) -> str:
    """A number of bytes, for people."""
    return f"{size / 2**20:.1f} MB"
