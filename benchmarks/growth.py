"""How time and memory grow: exponents fitted to doublings of width, depth, examples, points and number of models.

An exponent p says that twice as much of something takes 2^p times as long. MLPs as they are initialised on random
examples, each measured in a process of its own; constant costs rule small sizes, which are
left out of the fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.memory import random_data
from benchmarks.peak import Watch, apart
from benchmarks.timing import table
from lmc_core.fusion.fuse import fuse
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.runs.work.path import path_run

USUAL = {"width": 512, "depth": 3, "examples": 2000, "points": 9}
SIZES = {
    "width": (256, 512, 1024, 2048),
    "depth": (2, 4, 8, 16),
    "examples": (2000, 4000, 8000, 16000),
    "points": (9, 17, 33, 65),
    "models": (2, 4, 8),
}


def networks(count: int, width: int, depth: int) -> list[Network]:
    """MLPs of 256 inputs and `depth` hidden layers of one width."""
    made = architecture("mlp", widths=(256, *(width,) * depth, 10))
    found = []
    for seed in range(count):
        torch.manual_seed(seed)
        found.append(network(build(made), example_inputs(made), architecture=made))
    return found


def prepare(what: str, size: int) -> Callable[[Watch], Any]:
    """The work of one size, the others as usual: a path run without diagnosis, or a fusion."""
    at = {**USUAL, **({} if what == "models" else {what: size})}
    nets = networks(size if what == "models" else 2, at["width"], at["depth"])
    data = random_data((256,), 10, at["examples"])
    if what == "models":
        return lambda watch: fuse(nets, method="merge-many", data=data, report=watch)
    how: dict[str, Any] = {"points": at["points"], "train_examples": None, "diagnosed": False}
    return lambda watch: path_run(*nets, data, method="weight-matching", settings={"restarts": 1}, **how, report=watch)


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks growth", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(SIZES))
    given = parser.parse_args(words)
    rows: list[tuple[object, ...]] = [("of", "sizes", "CPU s", "exponent", "rise, MB", "exponent")]
    for what in given.what or SIZES:
        sizes = SIZES[what]
        found = [apart(prepare, what, size) for size in sizes]
        seconds, peaks = [s for s, _, _ in found], [max(p.values()) / 1e6 for _, p, _ in found]
        rows.append(
            (
                what,
                ", ".join(map(str, sizes)),
                ", ".join(f"{s:.2f}" for s in seconds),
                f"{exponent(sizes, seconds):.2f}",
                ", ".join(f"{p:.0f}" for p in peaks),
                f"{exponent(sizes, peaks):.2f}",
            )
        )
        print(table(rows), flush=True)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of a line through the logarithms, of the upper three sizes."""
    x, y = (np.log(np.maximum(v[-3:], 1e-9)) for v in (sizes, values))
    return float(np.polyfit(x, y, 1)[0])
