"""Work on one card by several processes, so that what waits for launches overlaps and a broken context harms one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.gpu.record import Budget, Record


def spread(record: Record, section: str, budget: Budget, module: str, tasks: Sequence[Sequence[str]]) -> None:
    """`python -m module *task --end T` for every task, at most one for two cores at a time.

    T is of the clock that all processes of a machine share.

    Every line that a process prints is a row of the section; one that fails leaves a row with the end of its words.
    """
    at_once = max(1, min(len(tasks), (os.cpu_count() or 1) // 2))
    threads = str(max(1, (os.cpu_count() or 1) // at_once))

    def run(task: Sequence[str]) -> None:
        if budget.left < 5:
            record.add(section, {"task": list(task), "left_out": True})
            return
        command = [sys.executable, "-m", module, *task, "--end", str(budget.end)]
        env = {**os.environ, "OMP_NUM_THREADS": threads}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
            assert process.stdout is not None
            watch = threading.Timer(max(0.0, budget.left) + 5, process.kill)
            watch.start()
            errors: list[str] = []
            reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
            reader.start()
            for line in process.stdout:
                record.add(section, json.loads(line))
            code = process.wait()
            reader.join(5)
            watch.cancel()
        if code:
            record.add(section, {"task": list(task), "failed": "".join(errors)[-800:], "code": code})

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(run, tasks))


def tell(row: dict[str, Any]) -> None:
    """A row for the process that waits."""
    print(json.dumps(row), flush=True)
