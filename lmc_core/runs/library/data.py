"""The data a visitor can choose: by name, or an own .npz or .txt file by the id it got when it was read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmc_core.data.registry import DATASETS, READERS, dataset
from lmc_core.errors import DataError, InputError, SettingError
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import uploads
from lmc_core.runs.library.limits import ANYBODY
from lmc_core.runs.values.card import DataCard
from lmc_core.runs.values.names import plain_filename

if TYPE_CHECKING:
    from lmc_core.data.dataset import Asked, Dataset

KIND = FOLDER = "data"
FILE, CARD = "data.npz", "card.json"

_ID = re.compile(r"npz-[0-9a-f]{16}")


def checked(name: object) -> str:
    """`name` if there is such data here. Raises SettingError that lists the names."""
    if isinstance(name, str) and (name in DATASETS or card(name) is not None):
        return name
    raise SettingError(f"data={str(name)[:80]!r} is not one of {', '.join(DATASETS)} or the id of data uploaded here")


def card(name: str) -> DataCard | None:
    """The card of own data; None if there is none of that id."""
    if not _ID.fullmatch(name):
        return None
    try:
        content = json.loads(opened().store.read(FOLDER, name, CARD))
    except (InputError, ValueError):  # ValueError: damaged, and its owner can upload the file again
        return None
    return DataCard(**{**content, "shape": tuple(content["shape"]), "classes": tuple(content["classes"])})


def title(name: str) -> str:
    """What to call the data: its title, or the name itself when it is gone."""
    if name in DATASETS:
        return DATASETS[name].title
    found = card(name)
    return name if found is None else found.title


def filename(name: str) -> str:
    """What its owner calls the file of own data."""
    found = title(name)
    return found if Path(found).suffix.lower() in READERS else f"{found}.npz"


def own(owner: str) -> list[DataCard]:
    """The data that `owner` uploaded, oldest first."""
    return [found for name in uploads.made(owner, KIND) if (found := card(name)) is not None]


def add(filename: str, content: uploads.Content, *, owner: str = ANYBODY) -> Request:
    """Keep a file of examples; the request for its reading, whose run will name the data.

    Raises DataError if the file has another ending, CheckpointError if it is too large or the store is full.
    """
    name = plain_filename(filename)
    if Path(name).suffix.lower() not in READERS:
        raise DataError(
            f"{name!r} is neither an .npz nor a .txt file; save arrays with numpy.savez(path, x_train=…, y_train=…), "
            "or a text in UTF-8"
        )
    return uploads.accept(name, content, lambda digest: Request.of("data", upload=digest, filename=name), owner)


def remove(name: str, owner: str) -> bool:
    """Take data of `owner` away; the arrays go when nobody else has uploaded them too."""
    return uploads.forget(name, owner, kind=KIND, folder=FOLDER)


def read(name: str, task: Asked = "auto") -> Dataset:
    """The examples themselves, for the worker, their targets taken for `task`. Raises DataError if they are gone."""
    if name in DATASETS:
        return dataset(name, task=task)
    if card(name) is None:
        raise DataError(f"there is no data {name[:80]!r} on this server any more; upload it again")
    with opened().store.local(FOLDER, name, FILE) as path:
        return replace(dataset(path, task=task), name=name)


def keep(data: Dataset, name: str, run: str) -> DataCard:
    """Store the validated examples of a run with their card. Called by the worker."""
    called = f"npz-{uploads.identity(run, data.digest)}"
    found = DataCard(called, name, len(data.y_train), len(data.y_test), data.shape, data.classes, data.digest)
    arrays = {part: getattr(data, part) for part in ("x_train", "y_train", "x_test", "y_test")}
    with opened().store.folder(FOLDER, found.id, last=CARD) as folder:
        np.savez_compressed(folder / FILE, allow_pickle=False, classes=np.array(data.classes), **arrays)
        (folder / CARD).write_text(json.dumps(_plain(found)))
    return found


def _plain(found: DataCard) -> Mapping[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(found).items()}
