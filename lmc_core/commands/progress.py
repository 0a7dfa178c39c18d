"""How far a command is, as one line on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from lmc_core.report import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Line:
    """A `Report` that draws one line on stderr: the step, how much of it, the time since the start, the time left.

    On anything but a terminal it says nothing.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self.started = time.monotonic()
        self.stage = ""
        self.bar: Bar | None = _bar() if sys.stderr.isatty() else None
        self.task: TaskID | None = None

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
        if self.bar is None:
            return
        if self.task is None or stage != self.stage:  # the time left is that of a step
            if self.task is not None:
                self.bar.remove_task(self.task)
            self.task, self.stage = self.bar.add_task("", spent="", total=None), stage
        said = f"{self.command}: {Progress(stage, done, of, part).text}"
        spent = f"{time.monotonic() - self.started:.0f} s"
        self.bar.update(self.task, description=said, completed=done, total=of or None, spent=spent)

    def __enter__(self) -> Line:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.stop()


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[spent]}"),
        TimeRemainingColumn(compact=True),
    )
    return Bar(*columns, console=Console(stderr=True), transient=True)
