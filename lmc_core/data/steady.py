"""Reading of arrays by several threads at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
TRIES = 8


def steady(read: Callable[[], T]) -> T:
    """What a function gives that reads .npy or .npz files.

    NumPy takes the header of every array for a Python literal. Python 3.11 counts how deep its parser is for all
    threads together, and says SystemError ("AST constructor recursion depth mismatch") of a sound header now and then,
    where another thread parses at that moment: the function is then called again.
    """
    for _ in range(TRIES - 1):
        with suppress(SystemError):
            return read()
    return read()
