"""How long a path will take, from the first forward passes: told before the first step, on whatever machine this is."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics import connectivity, diagnose, preferred
from lmc_core.errors import LMCError
from lmc_core.methods import METHODS
from lmc_core.networks.network import Network
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.request import Request

TRIED = 256
"""Examples of the passes that are timed."""
CROSS = 5
"""Correlations are measured on one of so many of the examples that moments are measured on."""
TRACING, POINT = 2.5, 0.02
"""Seconds of tracing the first network of a process, and of one point of a path, however few its examples."""
ROOTS = 2e-8
"""Seconds of the spectra and planes of all layers, for one parameter to the power of three halves."""
LEARNED = 3
"""Forward passes that cost as much as one forwards and backwards."""
LARGE = 2**18
"""Parameters from which on comparing the layers takes more than a few seconds, and soon more than all else."""
TWICE = 2
"""What is learned is learned a second time, from a shuffled B."""


def per_example(network: Network, data: Dataset) -> float:
    """Seconds of one example in a forward pass: the shorter of two, since the first also warms up."""
    rows = np.ascontiguousarray(data.x_test[:TRIED])
    example = network.example_inputs[0]
    x = network.prepare(torch.as_tensor(rows).to(example.device, example.dtype))
    took = []
    with torch.no_grad():
        for _ in range(2):
            start = time.perf_counter()
            network.module(x)
            took.append(time.perf_counter() - start)
    return min(took) / max(len(rows), 1)


def is_large(network: Network) -> bool:
    """Whether a run of a path leaves the layers of such networks to be compared when somebody asks for them."""
    return network.parameters >= LARGE


def passes(request: Request, train: int, test: int, *, recalibrates: bool = False) -> float:
    """Examples that go through the network in a run of a path: along both lines, and for the method.

    train, test    examples of the data
    recalibrates   every point also reads the training examples to set its statistics anew
    """
    used = min(counted(request["train_examples"]) or train, train)
    measured = used + min(counted(request["test_examples"]) or test, test)
    lines = 2 + (request["curve"] is not None)
    along = lines * request["points"] * measured
    recalibrated = lines * request["points"] * used if recalibrates else 0
    method = METHODS[request["method"]]
    chosen = method.options.check(request["settings"])
    learned = TWICE * LEARNED * chosen["steps"] * chosen["batch"] if method.learns else 0
    matched = 2 * used if method.needs_data else 0
    return float(along + recalibrated + learned + matched)


def compared(train: int, test: int) -> float:
    """Examples that go through the network when the layers of a pair are compared.

    train, test    examples of the data
    """
    moments = min(diagnose.EXAMPLES, train)
    met = 2 * connectivity.POINTS * min(connectivity.EXAMPLES, test) + 3 * min(preferred.EXAMPLES, train)
    return float(moments + 2 * moments // CROSS + met)


def seconds(network: Network, data: Dataset, request: Request) -> float | None:
    """Seconds that a path asks for from here on; None where the network does not read the data."""
    try:
        each = per_example(network, data)
    except (LMCError, RuntimeError, ValueError, TypeError, IndexError):  # the run itself will say what is wrong
        return None
    fixed = TRACING + POINT * 2 * request["points"]
    layers = 0.0 if is_large(network) else _layers(network, data, each)
    asked = request["recalibrate"]
    recalibrates = (default_recalibration(network) if asked == "auto" else asked) is not None
    return fixed + layers + each * passes(request, len(data.y_train), len(data.y_test), recalibrates=recalibrates)


def of_layers(network: Network, data: Dataset) -> float | None:
    """Seconds that comparing the layers takes; None where the network does not read the data."""
    try:
        return _layers(network, data, per_example(network, data))
    except (LMCError, RuntimeError, ValueError, TypeError, IndexError):  # the run itself will say what is wrong
        return None


def _layers(network: Network, data: Dataset, each: float) -> float:
    """Seconds of comparing the layers, where one example takes `each`."""
    size = sum(x.numel() for x in network.state.values())
    return ROOTS * size**1.5 + each * compared(len(data.y_train), len(data.y_test))


def tell(report: Any, expected: float | None) -> None:
    """Say so to a report that can show it."""
    say = getattr(report, "expect", None)
    if say is not None and expected is not None:
        say(expected)
