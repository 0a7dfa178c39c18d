"""What the text of a link may stand for: a reader returns a value that its control can show, or None.

A reader is also given what the session holds: another page, or other options, may have put it there.
"""

import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

Number = TypeVar("Number", int, float)
Reader = Callable[[Any], Any]

LARGEST = 2**53 - 1  # a browser knows all whole numbers up to here


def one(options: Collection[str]) -> Reader:
    """Reads one of `options`."""
    return lambda given: given if given in options else None


def some(options: Collection[str], limit: int | None = None) -> Reader:
    """Reads a list, or words between commas, of which those among `options` count: each once, the first `limit`."""

    def read(given: Any) -> list[str] | None:
        if given is None:
            return None
        words = given.split(",") if isinstance(given, str) and given else list(given)
        known = [word for word in dict.fromkeys(words) if word in options][:limit]
        return known if known or not words else None

    return read


def number(kind: type[Number], low: Number | None = None, high: Number | None = None) -> Callable[[Any], Number | None]:
    """Reads a number of this kind within low..high; no bound is as far as a browser counts."""
    least, most = -LARGEST if low is None else low, LARGEST if high is None else high

    def read(given: Any) -> Number | None:
        try:
            value = float(given)
        except (TypeError, ValueError, OverflowError):
            return None
        if not math.isfinite(value) or not least <= value <= most or kind(value) != value:
            return None
        return kind(value)

    return read
