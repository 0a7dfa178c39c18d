"""How far a command is, as one line on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from lmc_core.report import Progress


class Line:
    """A `Report` that redraws one line on stderr; on anything but a terminal it says nothing."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.shown = 0.0
        self.started = time.monotonic()
        self.visible = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
        now = time.monotonic()
        if self.visible and now - self.shown > 0.1:
            self.shown = now
            at = Progress(stage, done, of, part)
            percent = f" {100 * at.share:3.0f} %" if of else ""
            sys.stderr.write(f"\r\033[K{self.command}: {at.text}{percent}  {now - self.started:.0f} s")
            sys.stderr.flush()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
