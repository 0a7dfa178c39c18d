"""The models a visitor can choose from: shipped with the program, or uploaded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from lmc_core.errors import CheckpointError, InputError
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import uploads
from lmc_core.runs.library.data import checked
from lmc_core.runs.library.limits import ANYBODY
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.names import plain_filename

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".th", ".pt2")
KIND, FOLDER = "inspect", "models"
CARD = "card.json"
ORIGINAL = "original.safetensors"
"""The tensors under the names of the file they came from: what is read again when an assumption is overruled."""

_ID = re.compile(r"[0-9a-f]{16}")


def shipped() -> tuple[ModelCard, ...]:
    """Cards of the networks in `checkpoints/`, in the order of its index."""
    folder = opened().host.checkpoints
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
    made = uploads.made(owner, KIND, listed=True)
    return [*shipped(), *(found for name in made if (found := _uploaded(name)))]


def own(owner: str) -> set[str]:
    """Ids of the models that `owner` uploaded."""
    return set(uploads.made(owner, KIND))


def card(model: str) -> ModelCard:
    """The card of one model by its id. Raises InputError if there is none."""
    for known in shipped():
        if known.id == model:
            return known
    if _ID.fullmatch(model) and (found := _uploaded(model)):
        return found
    raise InputError(f"there is no model {model[:80]!r} in the library; choose one of its models or upload a file")


def _uploaded(model: str) -> ModelCard | None:
    """The card of an uploaded model. It changes when it is read again; whether it is listed, the index knows."""
    archive = opened()
    try:
        version = archive.store.version(FOLDER, model, CARD)
    except InputError:
        return None
    text = _card_text(archive.store.address, model, version)
    try:
        content = dict(json.loads(text))
    except ValueError:  # damaged: its owner can upload the file again
        return None
    return ModelCard.of({**content, "listed": uploads.published(model), "uploaded": True})


@lru_cache(maxsize=512)
def _card_text(_address: str, model: str, _version: str) -> str:
    return opened().store.read(FOLDER, model, CARD).decode()


def add(
    filename: str,
    content: uploads.Content,
    *,
    data: str | None = None,
    arch: Mapping[str, Any] | None = None,
    normalize: tuple[Any, Any] | None = None,
    owner: str = ANYBODY,
) -> Request:
    """Keep an uploaded file; the request for its inspection, whose run will name the model.

    content           the file's bytes, its path, or an open file
    data              name of the data on which to measure its accuracy
    arch, normalize   what the file does not say, and the visitor does
    owner             who sees it in `models`; everybody else needs the model's id

    Raises CheckpointError if the file is too large, of no known kind, or if the store is full.
    """
    name = plain_filename(filename)
    said: dict[str, Any] = {"data": None if data is None else checked(data), "arch": arch or {}, "normalize": normalize}
    if Path(name).suffix.lower() not in SUFFIXES:
        raise CheckpointError(f"{name!r} is not a checkpoint; it must end in one of {', '.join(SUFFIXES)}")
    return uploads.accept(
        name, content, lambda named: Request.of("inspect", upload=named, filename=name, **said), owner
    )


def again(
    model: str,
    owner: str,
    *,
    data: str | None = None,
    arch: Mapping[str, Any] | None = None,
    normalize: tuple[Any, Any] | None = None,
) -> Request:
    """The request to read an uploaded model once more, with what its owner knows better.

    The result is a model of its own where the options change what it computes. Raises as `add` does, and InputError
    if the model is not `owner`'s.
    """
    if model not in own(owner):
        raise InputError(f"model {model[:80]!r} is not one of yours; upload the file first")
    known, archive = card(model), opened()
    part = ORIGINAL if archive.store.exists(FOLDER, model, ORIGINAL) else known.path
    before = archive.index.request(uploads.readings(model, KIND)[-1])
    if before is not None and part == ORIGINAL:  # which holds none of what was said at the first reading
        arch = {**{k: v for k, v in before.options["arch"].items() if k != "entry"}, **(arch or {})}
        normalize = normalize or before.options["normalize"]
    name = f"{known.title}{Path(part).suffix}"
    with archive.store.local(FOLDER, model, part) as path:
        return add(name, path, data=data, arch=arch, normalize=normalize, owner=owner)


def local_files() -> list[str]:
    """Checkpoint files below the folder that the host opens to its visitors (LMC_LOCAL_PATHS), the first 500."""
    folder = opened().host.local_paths
    if folder is None or not folder.is_dir():
        return []
    found = (path for suffix in SUFFIXES for path in folder.rglob(f"*{suffix}") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in islice(found, 500))


def add_local(name: str, *, data: str | None = None, owner: str = ANYBODY) -> Request:
    """As `add`, of a file below the host's open folder. Raises InputError if the name leads anywhere else."""
    folder = opened().host.local_paths
    if folder is None:
        raise InputError("this server reads no files of its own machine; its host may set LMC_LOCAL_PATHS")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise InputError(f"there is no file {name[:80]!r} in the folder this server opens to its visitors")
    return add(path.name, path, data=data, owner=owner)


def publish(model: str, owner: str, listed: bool = True) -> bool:
    """Show an uploaded model to everybody, or no longer. True if it belongs to `owner`."""
    return uploads.publish(model, owner, listed, KIND)


def remove(model: str, owner: str) -> bool:
    """Take an upload of `owner` out of the library; its weights go when nobody else has uploaded them too."""
    return uploads.forget(model, owner, kind=KIND, folder=FOLDER)


@contextmanager
def weights(known: ModelCard) -> Iterator[Path]:
    """The file of a model as a local path, for the time being."""
    if not known.uploaded:
        yield Path(known.path)
        return
    with opened().store.local(FOLDER, known.id, known.path) as path:
        yield path


def keep(file: Path, content: Mapping[str, Any]) -> None:
    """Store an inspected model with its card. Called by the worker.

    file   the model's file, in a folder that holds nothing that should not be kept
    """
    with opened().store.folder(FOLDER, str(content["id"]), last=CARD) as folder:
        for part in file.parent.iterdir():
            shutil.copyfile(part, folder / part.name)
        (folder / CARD).write_text(json.dumps({**content, "path": file.name}))
