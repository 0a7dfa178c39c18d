"""What was found, written after every step; and the clock that ends the work in time."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import processor
from lmc_core.errors import Cancelled
from lmc_core.report import Report

SPARE = 5.0  # seconds kept for the last write


class Record:
    """One JSON file of sections, complete after every `add`; the process ends when the minutes are over."""

    def __init__(self, path: Path, minutes: float, device: str) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.end = time.monotonic() + 60 * minutes
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._found: dict[str, Any] = {"machine": machine(device), "minutes": minutes, "ended": "unfinished"}
        self._write()
        watch = threading.Timer(60 * minutes, self._over)
        watch.daemon = True
        watch.start()

    def add(self, section: str, row: dict[str, Any]) -> None:
        with self._lock:
            self._found.setdefault(section, []).append(row)
            self._write()
        print(f"{time.monotonic() - self._began:6.1f}  {section}  {json.dumps(row)[:400]}", flush=True)

    def finish(self, how: str = "finished") -> None:
        with self._lock:
            self._found["ended"], self._found["seconds"] = how, round(time.monotonic() - self._began, 1)
            self._write()

    @contextmanager
    def section(self, share: float) -> Iterator[Budget]:
        """A budget of a share of the time that is left."""
        now = time.monotonic()
        yield Budget(now + share * (self.end - SPARE - now))

    def _write(self) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(written(self._found))
        os.replace(part, self.path)

    def _over(self) -> None:
        self.finish("stopped by the clock")
        os._exit(0)  # other threads may be anywhere; what was found is on the disk


def written(found: dict[str, Any]) -> str:
    """JSON with one line for every row of a section."""
    lines = []
    for name, value in found.items():
        rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in value) if isinstance(value, list) else ""
        told = f"[\n  {rows}\n ]" if rows else json.dumps(value, ensure_ascii=False)
        lines.append(f" {json.dumps(name)}: {told}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


class Budget:
    """Seconds until a point in time."""

    def __init__(self, end: float) -> None:
        self.end = end

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    def report(self, limit: float = float("inf")) -> Report:
        """A report that stops the work after `limit` seconds, or when the budget is used up."""
        end = min(self.end, time.monotonic() + limit)

        def stop(stage: str, done: int, total: int) -> None:
            if time.monotonic() > end:
                raise Cancelled(f"out of time in {stage!r}, {done} of {total}")

        return stop


def machine(device: str) -> dict[str, Any]:
    """What the numbers were measured on."""
    found: dict[str, Any] = {
        "device": device,
        "card": "none",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": processor(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "tf32": {"matmul": torch.backends.cuda.matmul.allow_tf32, "convolution": torch.backends.cudnn.allow_tf32},
    }
    if device.startswith("cuda"):
        about = torch.cuda.get_device_properties(device)
        found |= {"card": about.name, "memory": about.total_memory, "cuda": torch.version.cuda}
        found |= {"capability": f"{about.major}.{about.minor}", "cudnn": torch.backends.cudnn.version()}
    return found
