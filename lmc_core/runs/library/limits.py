"""How much visitors may keep here: of one file, of one visitor, of all together."""

from __future__ import annotations

import time

import sqlalchemy as sql

from lmc_core.errors import CheckpointError
from lmc_core.runs.keep import opened
from lmc_core.runs.keep.tables import RUNS, UPLOADS, alone
from lmc_core.runs.settings import Settings

ANYBODY = "local"
"""The owner of what the host itself brings, who has no share of the quota."""

ENDED = ("failed", "cancelled")
"""States of a run that read a file and kept nothing of it."""


def upload_limit() -> int:
    """Bytes that one upload may have."""
    return opened().host.upload_bytes


def stored_bytes(owner: str | None = None) -> int:
    """Size of all files of visitors, or of one, that are on the disk as they came or as what they became; each once."""
    with opened().index.database.connect() as connection:
        return sum(_counted(connection, owner).values())


def claim(name: str, run: str, digest: str, size: int, owner: str) -> None:
    """Count a file as stored, before it is: in one transaction, so that several at once cannot pass the limits.

    Raises CheckpointError if the store, or the owner's share of it, has no room for it.
    """
    archive = opened()
    with alone(archive.index.database) as connection:
        _check_room(connection, archive.host, name, digest, size, owner)
        mine = sql.and_(UPLOADS.c.run == run, UPLOADS.c.owner == owner)
        if connection.execute(sql.select(UPLOADS.c.run).where(mine)).first() is None:
            row = {"run": run, "owner": owner, "digest": digest, "filename": name, "bytes": size, "listed": False}
            connection.execute(UPLOADS.insert().values(created=time.time(), **row))


def _check_room(connection: sql.Connection, host: Settings, name: str, digest: str, size: int, owner: str) -> None:
    everything, mine = _counted(connection, None), _counted(connection, owner)
    free = max(0, host.quota_bytes - sum(everything.values()))
    if digest not in everything and size > free:
        raise CheckpointError(f"{name!r} has {megabytes(size)}, but only {megabytes(free)} are left on this server")
    if owner != ANYBODY and digest not in mine and sum(mine.values()) + size > host.quota_per_owner:
        raise CheckpointError(
            f"{name!r} has {megabytes(size)}, and your files have {megabytes(sum(mine.values()))} of the "
            f"{megabytes(host.quota_per_owner)} that one visitor may keep here; delete some"
        )


def _counted(connection: sql.Connection, owner: str | None) -> dict[str, int]:
    """Digest → bytes of every file with a claim, but those whose reading ended without anything to keep."""
    kept = sql.select(UPLOADS.c.digest, sql.func.max(UPLOADS.c.bytes))
    kept = kept.join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run, isouter=True)
    kept = kept.where(sql.or_(RUNS.c.state.is_(None), RUNS.c.state.not_in(ENDED)))
    kept = kept if owner is None else kept.where(UPLOADS.c.owner == owner)
    return {row[0]: row[1] for row in connection.execute(kept.group_by(UPLOADS.c.digest))}


def megabytes(size: int) -> str:
    """A number of bytes, for people."""
    return f"{size / 2**20:.1f} MB"
