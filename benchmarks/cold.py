"""What a path on digits costs from nothing: processor seconds of `python -m lmc_core path` in a process of its own.

*First* is with an empty home, so that the architecture is traced; *again* finds the trace on disk. Beside them the
import of torch alone, and of what torch needs to trace: below the first nothing can go, and below both not the first
time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import table

PAIR = ("digits-mlp-128/seed0", "digits-mlp-128/seed1")
PATH = ("-m", "lmc_core", "path", *PAIR, "--data", "digits")
TURNS = 3
ROWS: dict[Key, Row] = {
    "cold": Row("Path on digits from nothing, first time", "CPU s", "4.1", Goal("≤", 2.5)),
    "cold-again": Row("Path on digits in a new process, trace on disk", "CPU s", "4.1", Goal("≤", 2.5)),
}


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found = compared(2)
    said = f"import torch alone {found['import torch']:.1f}"
    values = {"cold": Value(found["first"], said), "cold-again": Value(found["again"], said)}
    return {key: values[key] for key in keys}


def main(words: Sequence[str] = ()) -> None:
    found = compared(int(words[0]) if words else TURNS)
    rows = [(name, f"{seconds:.2f}", f"{seconds / found['import torch']:.2f}") for name, seconds in found.items()]
    print(table([("cold path on digits", "CPU s", "over import torch"), *rows]))


def compared(turns: int = TURNS) -> dict[str, float]:
    """Way → processor seconds of the fastest of several turns; the ways take turns."""
    with tempfile.TemporaryDirectory() as kept:
        ways = {
            "first": (PATH, None),
            "again": (PATH, kept),
            "import torch": (("-c", "import torch"), kept),
            "import torch and its tracing": (("-c", "import torch, torch.export._trace"), kept),
        }
        for words, home in ways.values():
            _spent(words, home)
        found = dict.fromkeys(ways, float("inf"))
        for _ in range(turns):
            for name, (words, home) in ways.items():
                found[name] = min(found[name], _spent(words, home))
    return found


def _spent(words: Sequence[str], home: str | None) -> float:
    """Processor seconds of a process, user and system. Without a home it gets an empty one."""
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, "LMC_HOME": home or empty}
        before = os.times()
        subprocess.run(
            [sys.executable, *words],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=Path(__file__).parents[1],
        )
        after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main(sys.argv[1:])
