"""Files of visitors: kept under unguessable names until a run has read them, and who has a claim to what came of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sql

from lmc_core.errors import CheckpointError
from lmc_core.runs.keep import Archive, opened
from lmc_core.runs.keep.tables import RUNS, UPLOADS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library.limits import ANYBODY, ENDED, claim, megabytes

Content = bytes | Path | BinaryIO
FOLDER = "uploads"


def accept(name: str, content: Content, ask: Callable[[str], Request], owner: str) -> Request:
    """Keep a visitor's file under an unguessable name of its own; the request that `ask` makes of that name.

    The same bytes of two visitors, or under two names, are two files, read by two runs: what becomes of one changes
    nothing of the other.

    Raises CheckpointError if the file is empty or too large, or if the store or the owner's share of it is full.
    """
    archive = opened()
    with tempfile.TemporaryDirectory(prefix="lmc-upload-") as folder:
        copy = Path(folder) / "upload"
        digest, size = _copy(content, copy, archive.host.upload_bytes, name)
        named = archive.index.unguessable(f"{digest} {owner} {name}")
        request = ask(named)
        claim(name, request.id, named, size, owner)
        known = archive.index.status(request.id)
        if known is None or known.state != "done":
            try:
                archive.store.put(copy, FOLDER, named)
            except BaseException:
                release(request.id, owner)
                raise
        else:
            archive.note(request.id)
    return request


def identity(run: str, content: str) -> str:
    """The name of what a run makes of a file: of its content, and of who handed the file over."""
    owners = names(sql.select(UPLOADS.c.owner).where(UPLOADS.c.run == run).order_by(UPLOADS.c.created))
    return opened().index.unguessable(f"{content} {owners[0] if owners else ANYBODY}")[:16]


def _copy(content: Content, target: Path, limit: int, name: str) -> tuple[str, int]:
    """Write the content to a file; its SHA-256 and size."""
    if isinstance(content, Path):
        with content.open("rb") as source:
            return _copy(source, target, limit, name)
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        if isinstance(content, (bytes, bytearray, memoryview)):
            chunks = iter((bytes(content),))
        else:
            chunks = iter(lambda: content.read(2**20), b"")
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise CheckpointError(f"{name!r} is larger than {megabytes(limit)}, the limit of this server")
            digest.update(chunk)
            file.write(chunk)
    if not size:
        raise CheckpointError(f"{name!r} is empty")
    return digest.hexdigest(), size


def release(run: str, owner: str | None) -> None:
    """Let go of a file whose reading was refused: the owner's claim, and the bytes if nobody else has one."""
    digests = names(sql.select(UPLOADS.c.digest).where(UPLOADS.c.run == run, UPLOADS.c.owner == owner))
    opened().index.delete(UPLOADS, sql.and_(UPLOADS.c.run == run, UPLOADS.c.owner == owner))
    clear(opened(), digests)


def ended(archive: Archive, run: str) -> None:
    """Remove the file that a run was to read, if it ended and kept nothing: killed, stopped, or while it waited."""
    clear(archive, names(sql.select(UPLOADS.c.digest).where(UPLOADS.c.run == run), archive))


def clear(archive: Archive, digests: Sequence[str]) -> None:
    """Remove the files of these digests that no run waits for."""
    waiting = sql.select(UPLOADS.c.digest).join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run, isouter=True)
    waiting = waiting.where(sql.or_(RUNS.c.state.is_(None), RUNS.c.state.not_in((*ENDED, "done"))))
    needed = names(waiting.where(UPLOADS.c.digest.in_(digests)), archive)
    for digest in digests:
        if digest not in needed:
            archive.store.remove(FOLDER, digest)


def made(owner: str | None, kind: str, *, listed: bool = False) -> list[str]:
    """What runs of a kind made of an owner's files, the oldest first.

    listed   also what others have published
    """
    whose = UPLOADS.c.owner == owner
    query = (
        sql.select(RUNS.c.model)
        .join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run)
        .where(sql.or_(UPLOADS.c.listed, whose) if listed else whose)
        .where(RUNS.c.kind == kind, RUNS.c.state == "done", RUNS.c.model.is_not(None))
        .order_by(UPLOADS.c.created)
    )
    return names(query)


def published(thing: str) -> bool:
    """True if an owner shows it to everybody."""
    shown = sql.select(UPLOADS.c.run).join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run)
    return bool(names(shown.where(RUNS.c.model == thing, UPLOADS.c.listed)))


def publish(thing: str, owner: str, listed: bool, kind: str) -> bool:
    """Show what a run of a kind made to everybody, or no longer. True if it belongs to `owner`."""
    changed = opened().index.change(UPLOADS, _owned(thing, owner, kind), listed=listed)
    for run in readings(thing, kind):
        opened().note(run)
    return changed


def forget(thing: str, owner: str, *, kind: str, folder: str) -> bool:
    """Remove `owner`'s claim to what runs of a kind made; the thing itself with the last claim."""
    archive = opened()
    if not archive.index.delete(UPLOADS, _owned(thing, owner, kind)):
        return False
    if not archive.index.count(UPLOADS, UPLOADS.c.run.in_(_runs(thing, kind))):
        for run in readings(thing, kind):
            archive.index.delete(RUNS, RUNS.c.id == run)
            archive.store.remove("runs", run)
        archive.store.remove(folder, thing)
    for run in readings(thing, kind):
        archive.note(run)
    return True


def readings(thing: str, kind: str) -> list[str]:
    """The runs of a kind that made it."""
    return names(_runs(thing, kind))


def _runs(thing: str, kind: str) -> sql.Select[Any]:
    return sql.select(RUNS.c.id).where(RUNS.c.model == thing, RUNS.c.kind == kind)


def _owned(thing: str, owner: str, kind: str) -> sql.ColumnElement[bool]:
    return sql.and_(UPLOADS.c.owner == owner, UPLOADS.c.run.in_(_runs(thing, kind)))


def names(query: sql.Select[Any], archive: Archive | None = None) -> list[str]:
    """The distinct names a query finds, in its order."""
    with (archive or opened()).index.database.connect() as connection:
        return list(dict.fromkeys(connection.scalars(query)))
