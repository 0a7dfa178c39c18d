"""Fair timing: the ways take turns, and the best of each counts.

On a CPU the processor's time is counted, so that what else runs on the machine weighs less; on a GPU the clock on the
wall.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch


def best(ways: Mapping[str, Callable[[], object]], turns: int = 3, warm: bool = True) -> dict[str, float]:
    """Seconds of the fastest turn of every way; the first call of each, which traces and warms caches, is not timed,
    if `warm`."""
    for way in ways.values() if warm else ():
        way()
    found = dict.fromkeys(ways, float("inf"))
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    for _ in range(turns):
        for name, way in ways.items():
            start = clock()
            way()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            found[name] = min(found[name], clock() - start)
    return found


def table(rows: Iterable[Iterable[object]]) -> str:
    """Columns, the first to the left and the others to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in cells)
    return "\n".join("  ".join(line) for line in lines) + "\n"


def processor() -> str:
    """The name its maker gave it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
