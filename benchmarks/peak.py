"""What a piece of work takes: processor seconds, and how far the memory of its process rises (Linux)."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATM = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """A report that notes processor seconds of every stage, and its highest memory above what was there at first."""

    def __init__(self) -> None:
        self.began, self.stage = resident(), "start"
        self.peaks: dict[str, int] = {}
        self.spent: dict[str, float] = {}
        self._since = time.process_time()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
        now = time.process_time()
        self.spent[self.stage] = self.spent.get(self.stage, 0.0) + now - self._since
        self.stage, self._since = stage, now

    def stop(self) -> tuple[dict[str, int], dict[str, float]]:
        """Stage → bytes, and stage → seconds."""
        self(self.stage, 0, 0)
        self._done.set()
        self._thread.join()
        return self.peaks, self.spent

    def _look(self) -> None:
        while not self._done.wait(0.002):
            self.peaks[self.stage] = max(self.peaks.get(self.stage, 0), resident() - self.began)


def apart(
    prepare: Callable[..., Callable[[Watch], Any]], *given: Any
) -> tuple[float, dict[str, int], dict[str, float]]:
    """Seconds, and peaks and seconds by stage, of what `prepare(*given)` returns, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(there, prepare, given))
    child.start()
    there.close()
    try:
        found: tuple[float, dict[str, int], dict[str, float]] = here.recv()
    finally:
        child.join()
    return found


def _run(pipe: Any, prepare: Callable[..., Callable[[Watch], Any]], given: tuple[Any, ...]) -> None:
    work = prepare(*given)
    watch, start = Watch(), time.process_time()
    work(watch)
    pipe.send((time.process_time() - start, *watch.stop()))
