"""Handwritten digits of 8 × 8 pixels that come with scikit-learn: no download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError

_SPLIT_SEED = 8


def digits() -> Dataset:
    """1 797 images (8, 8), values 0…16 scaled to [0, 1]; of every class a fixed fifth is for testing."""
    table = np.loadtxt(_file(), delimiter=",", dtype=np.float64)
    x = (table[:, :-1] / 16).astype(np.float32).reshape(-1, 8, 8)
    y = table[:, -1].astype(np.int64)
    rng = np.random.default_rng(_SPLIT_SEED)
    test = np.zeros(len(y), dtype=bool)
    for label in range(10):
        members = rng.permutation(np.flatnonzero(y == label))
        test[members[: round(len(members) / 5)]] = True
    return Dataset("digits", x[~test], y[~test], x[test], y[test], tuple("0123456789"))


def _file() -> Path:
    """The table as scikit-learn ships it, found without importing it, which would take longer than all that follows."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("the digits come with scikit-learn, which is not installed: pip install scikit-learn")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
