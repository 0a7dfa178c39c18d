"""The stages of a run: what belongs to which, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lmc_core.report import Report


def within(report: Report, stage: str, details: bool = True) -> Report:
    """A report that says which stage of the run it belongs to, and the part of it if that says more."""
    report(stage, 0, 0)

    def inner(detail: str, done: int, of: int, /, part: str = "") -> None:
        report(stage, done, of, part=": ".join(filter(None, (detail, part))) if details else "")

    return inner


class Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._spent[stage] = time.perf_counter() - start

    @property
    def seconds(self) -> dict[str, float]:
        """Stage → seconds, and their total so far."""
        return {**self._spent, "total": time.perf_counter() - self._start}
