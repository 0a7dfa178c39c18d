"""The rows of the one table of speed: what a piece of work took before, is to take, and takes now."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Literal

import torch

from benchmarks.timing import processor

Key = str
"""Names a row, the same in the benchmark that measures it and in what was recorded."""


@dataclass(frozen=True)
class Goal:
    """A bound that what is measured now is to keep."""

    side: Literal["≤", "≥"]
    bound: float

    def met(self, value: float) -> bool:
        """Whether a value keeps it, as far as it is printed."""
        value = float(number(value))
        return value <= self.bound if self.side == "≤" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.side} {self.bound:g}"


@dataclass(frozen=True)
class Row:
    """One row of the table.

    work     what is measured
    unit     of the number, or what it is a ratio of
    before   when work on speed began, measured by hand; "–": it was not
    heavy    measured only when it is asked for by its key
    """

    work: str
    unit: str
    before: str
    goal: Goal
    heavy: bool = False


@dataclass(frozen=True)
class Value:
    """What a row is now, and a word on how it came about, as the objective that was reached."""

    number: float
    note: str = ""


def number(value: float) -> str:
    """Three digits of it, no more than two after the point."""
    size = abs(value)
    return f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else f"{value:.0f}"


def machine() -> str:
    """What the numbers were measured on, in one line."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    card = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    system = f"{platform.system()}, Python {platform.python_version()}, PyTorch {torch.__version__}"
    return f"{cores} cores of {processor()}{card}, {memory:.0f} GB, {system}"
