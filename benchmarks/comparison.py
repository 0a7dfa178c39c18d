"""Compare on the MNIST pair by all methods: processor seconds until every method has a first row."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import table
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled
from lmc_core.networks.checkpoint import load
from lmc_core.runs.work.compare import compare

PAIR, DATA = "mnist-mlp-512", "mnist"
ROWS: dict[Key, Row] = {
    "compare": Row(
        "Compare, MNIST pair, all methods: first full table", "CPU s", "111 (the finished one)", Goal("≤", 20)
    )
}


class Watch:
    """What the rows are passed to; ends the comparison once every method that can align has one."""

    def __init__(self) -> None:
        self.began = time.process_time()
        self.rows: list[tuple[float, str]] = []

    def seen(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if len(rows) == len(self.rows):  # one of them has changed
            raise Cancelled("The first table is complete.")
        self.rows.append((time.process_time() - self.began, str(rows[-1]["method"])))


def main() -> None:
    rows = first()
    print(table([("first row of a method", "CPU s"), *((method, f"{seconds:.1f}") for seconds, method in rows)]))


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    rows = first()
    spent = {name: now - before for (now, name), (before, _) in zip(rows, [(0.0, ""), *rows], strict=False)}
    longest = max(spent, key=lambda name: spent[name])
    return dict.fromkeys(keys, Value(rows[-1][0], f"{spent[longest]:.1f} of them for {longest}"))


def first() -> list[tuple[float, str]]:
    """Seconds at which each method had its first row."""
    a, b = (load(Path("checkpoints", PAIR, f"seed{seed}.safetensors")) for seed in (0, 1))
    data, watch = dataset(DATA), Watch()
    with suppress(Cancelled):
        compare(a, b, data, rows_so_far=watch.seen)
    return watch.rows


if __name__ == "__main__":
    main()
