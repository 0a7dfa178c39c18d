"""Labelled examples for training and evaluation, as one immutable value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Asked = Literal["auto", "classification", "labels", "regression"]
"""What targets are: classes, yes or no for each of several labels, numbers; auto: what they and the outputs seem."""
ASKED: tuple[Asked, ...] = get_args(Asked)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test examples.

    x_train, x_test   float32 in [0, 1] for images, (examples, …): digits (8, 8), mnist (28, 28), cifar10 (3, 32, 32);
                      int64 tokens: text (64,)
    y_train, y_test   int64 class numbers, of each example or of each of its positions, or 0 and 1 for each label;
                      float32 numbers
    classes           names of the classes; none where targets are numbers
    task              what the targets are taken for
    """

    name: str
    x_train: NDArray[np.float32] | NDArray[np.int64]
    y_train: NDArray[np.int64] | NDArray[np.float32]
    x_test: NDArray[np.float32] | NDArray[np.int64]
    y_test: NDArray[np.int64] | NDArray[np.float32]
    classes: tuple[str, ...]
    task: Asked = "auto"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return tuple(self.x_train.shape[1:])

    def drawn(self, train: int | None = None, test: int | None = None, *, seed: int = 0) -> Dataset:
        """The data with only so many training and test examples, drawn by the seed; None: all."""
        train_rows, test_rows = subset(len(self.y_train), train, seed), subset(len(self.y_test), test, seed)
        if len(train_rows) == len(self.y_train) and len(test_rows) == len(self.y_test):
            return self
        return replace(
            self,
            x_train=self.x_train[train_rows],
            y_train=self.y_train[train_rows],
            x_test=self.x_test[test_rows],
            y_test=self.y_test[test_rows],
        )

    @cached_property
    def digest(self) -> str:
        """sha256 of all examples and labels."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def subset(n: int, wanted: int | None, seed: int) -> NDArray[np.int64]:
    """Which of n examples are used: all, or `wanted` of them drawn without replacement, in increasing order."""
    if wanted is None or wanted >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:wanted])
