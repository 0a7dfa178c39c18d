"""The data sets by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path

from lmc_core.data import arrays, cifar, digits, idx, text
from lmc_core.data.dataset import Asked, Dataset
from lmc_core.errors import DataError


@dataclass(frozen=True)
class Entry:
    """A data set as a form shows it.

    shape       of one example
    offline     comes with the requirements: nothing to download
    available   True if its files are on this machine now
    """

    name: str
    title: str
    summary: str
    shape: tuple[int, ...]
    load: Callable[[], Dataset]
    available: Callable[[], bool]
    offline: bool = False


DATASETS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("digits", "Digits", "1 797 handwritten digits, 8 × 8", (8, 8), digits.digits, lambda: True, offline=True),
        Entry(
            "mnist",
            "MNIST",
            "70 000 handwritten digits, 28 × 28",
            (28, 28),
            idx.mnist,
            partial(idx.available, idx.MNIST),
        ),
        Entry(
            "fashion-mnist",
            "Fashion-MNIST",
            "70 000 pieces of clothing, 28 × 28",
            (28, 28),
            idx.fashion_mnist,
            partial(idx.available, idx.FASHION),
        ),
        Entry(
            "cifar10",
            "CIFAR-10",
            "60 000 colour photographs, 32 × 32",
            (3, 32, 32),
            cifar.cifar10,
            cifar.available,
        ),
        Entry(
            "text",
            "Text",
            "the help texts of Python as characters, of which the next is to be told, windows of 64",
            (text.CONTEXT,),
            text.topics,
            lambda: find_spec("pydoc_data") is not None,
            offline=True,
        ),
    )
}


READERS: Mapping[str, Callable[..., Dataset]] = {".npz": arrays.load, ".txt": text.load}
"""Ending of a file of the user's → what reads it: a path, and the bytes that it may take in memory."""


def dataset(name: str | Path, *, train_limit: int | None = None, task: Asked = "auto") -> Dataset:
    """A data set by name, or a user's own: arrays by the path of an .npz file, a text by that of a .txt file.

    train_limit   keep only the first so many training examples
    task          what the targets are taken for

    Raises DataError for an unknown name and for files that are missing, damaged or of the wrong form.
    """
    called = str(name)
    if called in DATASETS:
        data = _load(called)
    elif (suffix := Path(called).suffix.lower()) in READERS:
        data = READERS[suffix](Path(called))
    else:
        raise DataError(
            f"there is no data set {called!r}; it is one of {', '.join(DATASETS)} or the path of an .npz or .txt file"
        )
    if train_limit is not None and train_limit < len(data.y_train):
        if train_limit < 1:
            raise DataError(f"train_limit={train_limit} leaves no training example")
        data = replace(data, x_train=data.x_train[:train_limit], y_train=data.y_train[:train_limit])
    return data if task == data.task else replace(data, task=task)


@lru_cache(maxsize=2)
def _load(name: str) -> Dataset:
    return DATASETS[name].load()
