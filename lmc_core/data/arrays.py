"""A user's own data: one .npz file with x_train, y_train, x_test, y_test."""

from __future__ import annotations

import math
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmc_core.data.dataset import Dataset
from lmc_core.data.steady import steady
from lmc_core.errors import DataError

_NAMES = ("x_train", "y_train", "x_test", "y_test")
LARGEST = 4 << 30
"""Bytes of all arrays as they are computed with."""


def load(path: Path, largest: int = LARGEST) -> Dataset:
    """Examples and labels of an .npz file; optional `classes` holds names.

    x_*   (examples, …)   float, or unsigned bytes (divided by 255), or int64 tokens
    y_*   (examples,)     class numbers from 0; (examples, …) those of every position; (examples, labels) 0 or 1;
                          numbers of any kind, one or several per example

    largest   bytes that the arrays may take as they are computed with, told from their headers before one is unpacked

    Pickled arrays are refused. Raises DataError with what was found.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    try:
        arrays = steady(partial(_arrays, path, largest))
    except DataError:
        raise
    except Exception as problem:  # whatever NumPy, zip and zlib make of bytes that are not theirs
        said = " ".join(str(problem).split())[:160] or type(problem).__name__
        raise DataError(f"{path} is not a readable .npz file of plain arrays ({said})") from problem
    return checked(path.stem, **arrays)


def _arrays(path: Path, largest: int) -> dict[str, np.ndarray]:
    size = computed_bytes(path)
    if size > largest:
        raise DataError(f"{path} unpacks to {size / 2**30:.1f} GB; the limit is {largest / 2**30:.1f} GB")
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in _NAMES if name not in file.files]
        if missing:
            raise DataError(
                f"{path} has no array {', '.join(missing)} (it has {', '.join(file.files) or 'none'}); "
                f"save it with numpy.savez(path, x_train=…, y_train=…, x_test=…, y_test=…)"
            )
        return {name: file[name] for name in (*_NAMES, "classes") if name in file.files}


def computed_bytes(path: Path) -> int:
    """What the arrays of an .npz file take in memory once they are read: each as packed, and as float32 or int64.

    Only headers are read. A header that says less than its array holds, or more, is no header of NumPy.
    """
    total = 0
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = read[version](file)
            numbers = math.prod(shape)
            if numbers * dtype.itemsize > entry.file_size:
                raise ValueError(f"{entry.filename} says that it holds more than it does")
            total += entry.file_size + numbers * (8 if dtype.kind in "iu" and dtype.itemsize > 1 else 4)
    return total


def checked(
    name: str,
    x_train: NDArray,
    y_train: NDArray,
    x_test: NDArray,
    y_test: NDArray,
    classes: NDArray | None = None,
) -> Dataset:
    """A Dataset from arrays that may be anything. Raises DataError naming the first one that does not fit."""
    x = {"x_train": _examples("x_train", x_train), "x_test": _examples("x_test", x_test)}
    y = {"y_train": _labels("y_train", y_train), "y_test": _labels("y_test", y_test)}
    for part in ("train", "test"):
        examples, labels = x[f"x_{part}"], y[f"y_{part}"]
        if len(examples) != len(labels):
            raise DataError(f"x_{part} has {len(examples)} examples but y_{part} has {len(labels)} labels")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(f"examples of x_train are {x_train.shape[1:]}, those of x_test are {x_test.shape[1:]}")
    if x["x_train"].dtype != x["x_test"].dtype:
        raise DataError(f"x_train holds {x_train.dtype}, x_test holds {x_test.dtype}; save both alike")
    if y_train.shape[1:] != y_test.shape[1:]:
        raise DataError(f"targets of y_train are {y_train.shape[1:]}, those of y_test are {y_test.shape[1:]}")
    if any(np.issubdtype(part.dtype, np.floating) for part in y.values()):
        if classes is not None:
            raise DataError("classes names class numbers, and the targets are not whole numbers; leave it out")
        return Dataset(name, x["x_train"], _numbers(y["y_train"]), x["x_test"], _numbers(y["y_test"]), ())
    count = 1 + max(int(y["y_train"].max()), int(y["y_test"].max()))
    if classes is None:
        names = tuple(str(i) for i in range(count))
    elif classes.ndim == 1 and len(classes) >= count:
        names = tuple(str(c) for c in classes)
    else:
        raise DataError(f"classes has shape {classes.shape}; labels go up to {count - 1}, so it needs {count} names")
    return Dataset(name, x["x_train"], y["y_train"], x["x_test"], y["y_test"], names)


def _examples(name: str, x: NDArray) -> NDArray:
    """float32 numbers or int64 tokens."""
    if x.ndim < 2 or 0 in x.shape:
        raise DataError(
            f"{name} has shape {x.shape}; it needs examples along its first axis and at least one more axis"
        )
    if x.dtype == np.uint8:
        return x.astype(np.float32) / np.float32(255)
    if np.issubdtype(x.dtype, np.integer):
        return x.astype(np.int64)
    if not np.issubdtype(x.dtype, np.floating):
        raise DataError(f"{name} holds {x.dtype}; it needs numbers")
    if not np.isfinite(x).all():
        raise DataError(f"{name} holds NaN or infinite values; remove them first")
    return x.astype(np.float32)


def _labels(name: str, y: NDArray) -> NDArray[np.int64] | NDArray[np.float32]:
    """Class numbers from 0, or numbers that are not whole."""
    if y.ndim < 1 or 0 in y.shape:
        raise DataError(f"{name} has shape {y.shape}; it needs a target per example along its first axis")
    if not (np.issubdtype(y.dtype, np.integer) or np.issubdtype(y.dtype, np.floating) or y.dtype == np.bool_):
        raise DataError(f"{name} holds {y.dtype}; it needs class numbers from 0, or numbers")
    if not np.isfinite(y).all():
        raise DataError(f"{name} holds NaN or infinite values; remove them first")
    classes = bool((y == np.floor(y)).all()) and y.min() >= 0 and y.max() < 100_000
    if not classes and np.issubdtype(y.dtype, np.floating):
        return _numbers(y)
    if not classes:
        raise DataError(
            f"{name} must hold class numbers from 0 to 99 999; it holds {y.dtype} from {y.min()} to {y.max()}; if they "
            "are numbers to be predicted, save them as floating-point numbers"
        )
    return y.astype(np.int64)


def _numbers(y: NDArray) -> NDArray[np.float32]:
    return np.asarray(y, dtype=np.float32)
