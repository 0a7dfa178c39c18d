"""The models a visitor can choose from: shipped with the program, or uploaded."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import sqlalchemy as sql

from lmc_core.errors import CheckpointError, InputError
from lmc_core.runs.keep.tables import RUNS, UPLOADS
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.request import Request, plain_filename

if TYPE_CHECKING:
    from lmc_core.runs.keep.store import Store
    from lmc_core.runs.service import Service

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".th", ".pt2")
CARD = "card.json"
ORIGINAL = "original.safetensors"
"""The tensors under the names of the file they came from: what is read again when an assumption is overruled."""

Content = bytes | Path | BinaryIO

_MODEL_ID = re.compile(r"[0-9a-f]{16}")


def _service() -> Service:
    from lmc_core.runs.service import service

    return service()


def store() -> Store:
    """Where uploads and models are kept."""
    return _service().store


def shipped() -> tuple[ModelCard, ...]:
    """Cards of the networks in `checkpoints/`, in the order of its index."""
    folder = _service().host.checkpoints
    index = folder / "index.json"
    return _shipped(folder, index.stat().st_mtime_ns) if index.exists() else ()


@lru_cache(maxsize=8)
def _shipped(folder: Path, _changed: int) -> tuple[ModelCard, ...]:
    cards = []
    for entry in json.loads((folder / "index.json").read_text()):
        where = entry.get("path") or f"{entry['id']}.safetensors"
        cards.append(ModelCard.of({**entry, "path": str(folder / where), "listed": True, "uploaded": False}))
    return tuple(cards)


def models(owner: str | None = None) -> list[ModelCard]:
    """Cards of the shipped models, of published uploads, and of what `owner` uploaded; newest uploads last."""
    visible = UPLOADS.c.listed if owner is None else sql.or_(UPLOADS.c.listed, UPLOADS.c.owner == owner)
    query = (
        sql.select(RUNS.c.model)
        .join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run)
        .where(visible, RUNS.c.kind == "inspect", RUNS.c.state == "done", RUNS.c.model.is_not(None))
        .order_by(UPLOADS.c.created)
    )
    return [*shipped(), *(found for name in names(query) if (found := _uploaded(name)))]


def own(owner: str) -> set[str]:
    """Ids of the models that `owner` uploaded."""
    query = sql.select(RUNS.c.model).join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run)
    return set(names(query.where(UPLOADS.c.owner == owner, RUNS.c.kind == "inspect", RUNS.c.model.is_not(None))))


def names(query: sql.Select[Any]) -> list[str]:
    """The distinct names a query finds, in its order."""
    with _service().index.database.connect() as connection:
        return list(dict.fromkeys(connection.scalars(query)))


def card(model: str) -> ModelCard:
    """The card of one model by its id. Raises InputError if there is none."""
    for known in shipped():
        if known.id == model:
            return known
    if _MODEL_ID.fullmatch(model) and (found := _uploaded(model)):
        return found
    raise InputError(f"there is no model {model[:80]!r} in the library; choose one of its models or upload a file")


def _uploaded(model: str) -> ModelCard | None:
    """The card of an uploaded model. It changes when it is read again; whether it is listed, the index knows."""
    service = _service()
    try:
        version = service.store.version("models", model, CARD)
    except InputError:
        return None
    text = _card_text(service.store.address, model, version)
    published = sql.select(UPLOADS.c.run).join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run)
    with service.index.database.connect() as connection:
        listed = connection.execute(published.where(RUNS.c.model == model, UPLOADS.c.listed)).first() is not None
    return ModelCard.of({**json.loads(text), "listed": listed, "uploaded": True})


@lru_cache(maxsize=512)
def _card_text(_address: str, model: str, _version: str) -> str:
    return _service().store.read("models", model, CARD).decode()


def add(
    filename: str,
    content: Content,
    *,
    data: str | None = None,
    arch: Mapping[str, Any] | None = None,
    normalize: tuple[Any, Any] | None = None,
    owner: str = "local",
) -> str:
    """Keep an uploaded file and queue its inspection; returns the id of that run, whose status will name the model.

    content           the file's bytes, its path, or an open file
    data              name of the data on which to measure its accuracy
    arch, normalize   what the file does not say, and the visitor does
    owner             who sees it in `models`; everybody else needs the model's id

    Raises CheckpointError if the file is too large, of no known kind, or if the store is full.
    """
    name = plain_filename(filename)
    if Path(name).suffix.lower() not in SUFFIXES:
        raise CheckpointError(f"{name!r} is not a checkpoint; it must end in one of {', '.join(SUFFIXES)}")
    return accept(name, content, lambda digest: Request.inspect(digest, name, data, arch, normalize), owner)


def again(
    model: str,
    owner: str,
    *,
    data: str | None = None,
    arch: Mapping[str, Any] | None = None,
    normalize: tuple[Any, Any] | None = None,
) -> str:
    """Read an uploaded model once more, with what its owner knows better; returns the id of that run.

    The result is a model of its own where the options change what it computes. Raises as `add` does, and InputError
    if the model is not `owner`'s.
    """
    if model not in own(owner):
        raise InputError(f"model {model[:80]!r} is not one of yours; upload the file first")
    known, store = card(model), _service().store
    part = ORIGINAL if store.exists("models", model, ORIGINAL) else known.path
    before = _service().index.request(names(_runs_of(model))[-1])
    if before is not None and part == ORIGINAL:  # which holds none of what was said at the first reading
        arch = {**{k: v for k, v in before.options["arch"].items() if k != "entry"}, **(arch or {})}
        normalize = normalize or before.options["normalize"]
    name = f"{known.title}{Path(part).suffix}"
    with store.local("models", model, part) as path:
        return add(name, path, data=data, arch=arch, normalize=normalize, owner=owner)


def local_files() -> list[str]:
    """Checkpoint files below the folder that the host opens to its visitors (LMC_LOCAL_PATHS), the first 500."""
    folder = _service().host.local_paths
    if folder is None or not folder.is_dir():
        return []
    found = (path for suffix in SUFFIXES for path in folder.rglob(f"*{suffix}") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in islice(found, 500))


def add_local(name: str, *, data: str | None = None, owner: str = "local") -> str:
    """As `add`, of a file below the host's open folder. Raises InputError if the name leads anywhere else."""
    folder = _service().host.local_paths
    if folder is None:
        raise InputError("this server reads no files of its own machine; its host may set LMC_LOCAL_PATHS")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise InputError(f"there is no file {name[:80]!r} in the folder this server opens to its visitors")
    return add(path.name, path, data=data, owner=owner)


def unguessable(digest: str) -> str:
    """What this server calls content of this digest: 64 hex digits that follow from the content and the server's key.

    The id of a model or of data is made of it, and so is that of every run over them: a secret from whoever holds the
    same file, and was not told.
    """
    return _service().index.unguessable(digest)


def accept(name: str, content: Content, ask: Callable[[str], Request], owner: str) -> str:
    """Keep a visitor's file under an unguessable name, and queue the request that `ask` makes of that name.

    Raises CheckpointError if the file is empty or too large, or if the store or the owner's share of it is full.
    """
    from lmc_core import runs

    service = _service()
    with tempfile.TemporaryDirectory(prefix="lmc-upload-") as folder:
        copy = Path(folder) / "upload"
        digest, size = _copy(content, copy, service.host.upload_bytes, name)
        used = stored_bytes()
        if used + size > service.host.quota_bytes:
            free = max(0, service.host.quota_bytes - used)
            raise CheckpointError(
                f"{name!r} has {_megabytes(size)}, but only {_megabytes(free)} are left on this server"
            )
        if owner != "local" and (mine := stored_bytes(owner)) + size > service.host.quota_per_owner:
            share = _megabytes(service.host.quota_per_owner)
            raise CheckpointError(
                f"{name!r} has {_megabytes(size)}, and your files have {_megabytes(mine)} of the {share} that one "
                "visitor may keep here; delete some"
            )
        digest = unguessable(digest)
        request = ask(digest)
        known = service.index.status(request.id)
        if known is None or known.state != "done":
            service.store.put(copy, "uploads", digest)
    row = {"run": request.id, "owner": owner, "digest": digest, "filename": name, "bytes": size}
    service.index.insert(UPLOADS, listed=False, created=time.time(), **row)
    return runs.submit(request, owner)


def upload_limit() -> int:
    """Bytes that one upload may have."""
    return _service().host.upload_bytes


def stored_bytes(owner: str | None = None) -> int:
    """Size of all uploads, or those of one owner, that are kept or wait to be inspected, each counted once."""
    kept = sql.select(UPLOADS.c.digest, sql.func.max(UPLOADS.c.bytes).label("bytes"))
    kept = kept.join_from(UPLOADS, RUNS, RUNS.c.id == UPLOADS.c.run).where(RUNS.c.state != "failed")
    kept = kept if owner is None else kept.where(UPLOADS.c.owner == owner)
    each = kept.group_by(UPLOADS.c.digest).subquery()
    with _service().index.database.connect() as connection:
        return int(connection.scalar(sql.select(sql.func.sum(each.c.bytes))) or 0)


def publish(model: str, owner: str, listed: bool = True) -> bool:
    """Show an uploaded model to everybody, or no longer. True if it belongs to `owner`."""
    return _service().index.change(UPLOADS, _owned(model, owner), listed=listed)


def remove(model: str, owner: str) -> bool:
    """Take an upload of `owner` out of the library; its weights go when nobody else has uploaded them too."""
    return forget(model, owner, kind="inspect", folder="models")


def forget(made: str, owner: str, *, kind: str, folder: str) -> bool:
    """Remove `owner`'s claim to what runs of a kind made; the thing itself with the last claim."""
    service = _service()
    if not service.index.delete(UPLOADS, _owned(made, owner, kind)):
        return False
    if not service.index.count(UPLOADS, UPLOADS.c.run.in_(_runs_of(made, kind))):
        for run in names(_runs_of(made, kind)):
            service.index.delete(RUNS, RUNS.c.id == run)
            service.store.remove("runs", run)
        service.store.remove(folder, made)
    return True


def _runs_of(made: str, kind: str = "inspect") -> sql.Select[Any]:
    return sql.select(RUNS.c.id).where(RUNS.c.model == made, RUNS.c.kind == kind)


def _owned(made: str, owner: str, kind: str = "inspect") -> sql.ColumnElement[bool]:
    return sql.and_(UPLOADS.c.owner == owner, UPLOADS.c.run.in_(_runs_of(made, kind)))


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
                raise CheckpointError(f"{name!r} is larger than {_megabytes(limit)}, the limit of this server")
            digest.update(chunk)
            file.write(chunk)
    if not size:
        raise CheckpointError(f"{name!r} is empty")
    return digest.hexdigest(), size


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"


@contextmanager
def weights(known: ModelCard) -> Iterator[Path]:
    """The file of a model as a local path, for the time being."""
    if not known.uploaded:
        yield Path(known.path)
        return
    with _service().store.local("models", known.id, known.path) as path:
        yield path


def keep(folder_of: Path, content: Mapping[str, Any]) -> None:
    """Store an inspected model with its card: the file, and whatever lies beside it. Called by the worker.

    folder_of   the model's file, in a folder that holds nothing that should not be kept
    """
    with _service().store.folder("models", str(content["id"]), last=CARD) as folder:
        for part in folder_of.parent.iterdir():
            shutil.copyfile(part, folder / part.name)
        (folder / CARD).write_text(json.dumps({**content, "path": folder_of.name}))
