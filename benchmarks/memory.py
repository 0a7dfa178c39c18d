"""How far the memory of a path run rises, in units of both models together; goal: at most 3 and one batch.

Networks as they are initialised, on random examples; the two models and the libraries are there before it counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.matching import FRESH, pair
from benchmarks.peak import Watch, apart
from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import table
from lmc_core.data.dataset import Dataset
from lmc_core.networks.network import Network
from lmc_core.runs.kinds.path import STAGES
from lmc_core.runs.work.path import path_run

CASES = ("MLP-2048", "VGG16", "ResNet-50")

FEW = {"count": 32, "points": 3}
"""Examples of each split and points of the paths when the memory is measured for the table of speed."""
MANY = {"MLP-2048": (1000, 9), "ResNet-50": (64, 5)}
"""Network → the same when the share of comparing the layers is: the fewer, the larger that share."""
BEFORE = {"MLP-2048": "12.1", "VGG16": "–", "ResNet-50": "33"}
SHARES = {"MLP-2048": "–", "ResNet-50": "0.83"}
ROWS: dict[Key, Row] = {
    f"memory-{name.lower()}": Row(
        f"Path run, {name}: rise of memory", "of both models", before, Goal("≤", 3), heavy=name != "MLP-2048"
    )
    for name, before in BEFORE.items()
} | {
    f"layers-{name.lower()}": Row(
        f"Path run, {name}: comparing the layers", "share of its time", before, Goal("≤", 0.1), heavy=True
    )
    for name, before in SHARES.items()
}


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found = {}
    for name in CASES:
        if (key := f"memory-{name.lower()}") in keys:
            _, peaks, _ = apart(prepare, name, FEW["count"], FEW["points"], None)
            stage = max(peaks, key=lambda stage: peaks[stage])
            found[key] = Value(peaks[stage] / _size(*pair(name)), f"most in “{stage}”")
        if (key := f"layers-{name.lower()}") in keys:
            seconds, _, spent = apart(prepare, name, *MANY[name], None)
            found[key] = Value(spent.get(STAGES[-1], 0.0) / seconds, f"of {seconds:.0f} CPU s")
    return found


def _size(*nets: Network) -> int:
    """Bytes of the states."""
    return sum(x.numel() * x.element_size() for net in nets for x in net.state.values())


def random_data(shape: tuple[int, ...], classes: int, count: int) -> Dataset:
    """`count` random examples in each split."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, count, *shape)).astype(np.float32)
    y = rng.integers(0, classes, (2, count))
    names = tuple(map(str, range(classes)))
    return Dataset("random", x[0], y[0], x[1], y[1], names)


def prepare(name: str, count: int, points: int, diagnosed: bool | None) -> Callable[[Watch], Any]:
    """A path run of a case, ready to go."""
    a, b = pair(name)
    outputs = 1000 if name == "ResNet-50" else 10
    data = random_data(tuple(a.example_inputs[0].shape[1:]), outputs, count)
    settings = {"restarts": 1}
    small = pair("MLP-128, digits")
    some = random_data(tuple(small[0].example_inputs[0].shape[1:]), 10, 64)
    path_run(*small, some, method="weight-matching", settings=settings, points=3)  # loads what is needed
    return lambda watch: path_run(
        a, b, data, method="weight-matching", settings=settings, points=points, diagnosed=diagnosed, report=watch
    )


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks memory", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(FRESH))
    parser.add_argument("--examples", type=int, default=64, help="examples of each split (64)")
    parser.add_argument("--points", type=int, default=5, help="points of the paths (5)")
    parser.add_argument("--by-need", action="store_true", help="with the layers only where a run compares them itself")
    parser.add_argument("--no-diagnosis", action="store_true", help="without the diagnostics of the layers")
    given = parser.parse_args(words)
    rows: list[tuple[object, ...]] = [("path run", "stage", "A + B, MB", "rise, MB", "rise / (A + B)", "CPU s")]
    diagnosed = None if given.by_need else not given.no_diagnosis
    for name in given.cases or CASES:
        both = _size(*pair(name))
        seconds, peaks, spent = apart(prepare, name, given.examples, given.points, diagnosed)
        rows.append((name, "all", *_cells(both, max(peaks.values())), f"{seconds:.1f}"))
        rows += [("", stage, *_cells(both, peak), f"{spent.get(stage, 0.0):.1f}") for stage, peak in peaks.items()]
        print(table(rows), flush=True)


def _cells(both: int, peak: int) -> tuple[str, str, str]:
    return f"{both / 1e6:.0f}", f"{peak / 1e6:.0f}", f"{peak / both:.2f}"
