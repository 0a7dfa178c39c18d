"""How soon a run of a path shows a picture that can be trusted: seconds from its start, and how wide its bands are.

Counted from the networks as files to the first picture whose bands are at most a tenth of the highest barrier, and to
the finer one before all examples are measured.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import table
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, DataError
from lmc_core.networks.checkpoint import load
from lmc_core.runs.work.path import path_run

PAIRS = {"cifar10-resnet8": "cifar10", "mnist-mlp-512": "mnist"}
ENOUGH = 0.1
"""Bands this wide, of the highest barrier, can be trusted."""

ROWS: dict[Key, Row] = {
    "picture": Row(
        "First picture that can be trusted, CIFAR-10 ResNet-8, default settings",
        "s on the clock",
        "4–13 CPU minutes (all of it)",
        Goal("≤", 5),
    )
}


class Watch:
    """A report that notes what is shown and when, and ends the run once all examples are to be measured."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.seen: list[tuple[float, Mapping[str, Any]]] = []

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None:
        if self.seen and of:
            raise Cancelled("The first picture is complete.")

    def partial(self, values: Mapping[str, Any]) -> None:
        self.seen.append((time.perf_counter() - self.began, values["band"]))


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    pair, name = next(iter(PAIRS.items()))
    at, band, _, _ = _seen(pair, dataset(name))
    said = f"naive {_said(band['naive'])}, aligned {_said(band['aligned'])}"
    return dict.fromkeys(keys, Value(at, said))


def main() -> None:
    print(f"first picture of a path, {torch.get_num_threads()} threads\n")
    rows: list[tuple[object, ...]] = [
        ("pair", "at, s", "examples", "points", "naive", "aligned", "finer at, s", "naive")
    ]
    for pair, name in PAIRS.items():
        try:
            data = dataset(name)
        except DataError as error:
            print(f"{pair} is left out: {error}")
            continue
        rows.append((pair, *_cells(pair, data)))
    print(table(rows))


def _cells(pair: str, data: Any) -> tuple[str, ...]:
    at, band, finer, last = _seen(pair, data)
    return (
        f"{at:.1f}",
        str(band["examples"]),
        str(len(band["t"])),
        *(_said(band[path]) for path in ("naive", "aligned")),
        f"{finer:.1f}",
        _said(last["naive"]),
    )


def _seen(pair: str, data: Any) -> tuple[float, Mapping[str, Any], float, Mapping[str, Any]]:
    """Seconds to the first picture that can be trusted, its band, and the same of the finest before all is measured."""
    watch = Watch()
    a, b = (load(Path("checkpoints", pair, f"seed{seed}.safetensors")) for seed in (0, 1))
    with suppress(Cancelled):
        path_run(a, b, data, recalibrate="auto", report=watch, diagnosed=False)
    at, band = next((at, band) for at, band in watch.seen if _width(band) <= ENOUGH)
    return at, band, *watch.seen[-1]


def _width(band: Mapping[str, Any]) -> float:
    """The wider of the two bands over the higher of the two barriers."""
    paths = band["naive"], band["aligned"]
    return float(max(path["within"] for path in paths) / max(path["barrier"] for path in paths))


def _said(path: Mapping[str, Any]) -> str:
    return f"{path['barrier']:.2f} ± {path['within']:.2f}"
