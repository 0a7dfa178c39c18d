"""Fusion of recurrent networks that read images row by row: does it help to compare hidden-to-hidden weights?
(Akash 2022).

One recurrent layer without biases, an RNN or an LSTM, logits from its last step, trained by Adam; every pair of
networks is fused by the Gromov–Wasserstein barycentre, by the same without hidden-to-hidden weights (as FedMA does), by
OT fusion and by average. The accuracies of the paper are not known here; what is checked is the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from lmc_core.data.registry import DATASETS, dataset
from lmc_core.networks.families import architecture
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce._experiment import ENDS, Chart, Experiment, Run, spread
from lmc_core.training.reproduce._mlp import DATA, SEEDS
from lmc_core.training.reproduce._pairs import alone, fused
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.train import Recipe

PARAMETERS = (
    DATA,
    Option("cells", str, "both", "Kind of recurrence.", choices=("both", "lstm", "rnn")),
    Option("networks", int, 4, "Networks trained of each kind; all their pairs are fused.", low=2, high=10),
    Option("epochs", int, 20, "Epochs of training.", low=1, high=1000),
    Option("hidden", int, 256, "Hidden units.", low=1, high=2048),
    KEEP,
)
QUICK = {"networks": 2, "epochs": 1, "hidden": 32}

GROMOV = "gromov-wasserstein-barycenter"
PUBLISHED = {"alpha": 1000.0}
MAIN, WITHOUT = "Gromov–Wasserstein barycentre", "without hidden-to-hidden weights"
EPSILON = {"lstm": 0.003, "rnn": 0.001}
WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    MAIN: (GROMOV, PUBLISHED),
    "Gromov–Wasserstein, first plan that of the inputs": (GROMOV, {**PUBLISHED, "warm": "inputs"}),
    "Gromov–Wasserstein by the row term": (GROMOV, {**PUBLISHED, "gradient": "row"}),
    "Gromov–Wasserstein by the row term, entropic": (
        GROMOV,
        {**PUBLISHED, "gradient": "row", "solver": "sinkhorn", "iterations": 10},
    ),
    WITHOUT: (GROMOV, {"gradient": "none"}),
    "OT fusion": ("ot-fusion", {}),
    "OT fusion by activations": ("ot-fusion", {"compare": "activations"}),
    "MergeMany": ("merge-many", {}),
    "vanilla average": ("vanilla-average", {}),
}
"""What is compared. The first four compare hidden-to-hidden weights, with the α of the authors' code: by
the exact gradient of the Gromov–Wasserstein term, or by its row term as in that code, with its ε too. MergeMany is no
method of the paper."""


def recipe(data: str, cell: str, hidden: int, epochs: int) -> Recipe:
    """The training of the paper: pixels as they are, Adam at 1e-3, weight decay 1e-5, batches of 64."""
    steps, features = DATASETS[data].shape
    return Recipe(
        title=f"{data} {cell} {hidden} without biases",
        architecture=architecture(
            "recurrent", features=features, steps=steps, hidden=hidden, cell=cell, bias=False, fc_bias=False
        ),
        data=data,
        optimiser="adam",
        rate=1e-3,
        weight_decay=1e-5,
        epochs=epochs,
        batch=64,
        schedule="constant",
    )


def reproduce(
    *,
    data: str = "mnist",
    cells: str = "both",
    networks: int = 4,
    epochs: int = 20,
    hidden: int = 256,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy over all pairs, with its standard deviation, for both kinds of recurrence and every method."""
    examples = dataset(data)
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    each: dict[str, dict[str, list[float]]] = {}
    for cell in ("lstm", "rnn") if cells == "both" else (cells,):
        nets = [(recipe(data, cell, hidden, epochs), 1000 * seed + number) for number in SEEDS[:networks]]
        work = Work(nets, examples, keep=keep, device=device, report=report)
        own = [work.number({"scores": "test"}, [net], alone(examples))["accuracy"] for net in nets]
        found = {ENDS: own}
        runs += work.runs(sets(nets, 1), {"cell": cell.upper(), "method": ENDS}, {"accuracy": own})
        pairs = list(combinations(nets, 2))
        for title, (method, settings) in WAYS.items():
            given = {**settings, **({"epsilon": EPSILON[cell]} if "solver" in settings else {})}
            what = {"fused": method, "settings": given, "seed": seed}
            measured = fused(method, given, examples, seed, report)
            found[title] = [work.number(what, pair, measured)["accuracy"] for pair in pairs]
            opens = {"kind": "fuse", "method": method, "settings": given, "seed": seed}
            runs += work.runs(pairs, {"cell": cell.upper(), "method": title}, {"accuracy": found[title]}, opens)
        rows += [(cell.upper(), title, *spread(values)) for title, values in found.items()]
        each[cell] = found
    return Experiment(
        f"Fusing pairs of recurrent networks on rows of {data}",
        ("cell", "method", "accuracy", "± over pairs", "count"),
        tuple(rows),
        (
            f"{networks} networks of each kind, {hidden} hidden units, {epochs} epochs; no training after the fusion.",
            *(_verdict(cell, found[MAIN], found[WITHOUT]) for cell, found in each.items()),
            "OT fusion in one pass compares what enters alone too, so for pairs it is the barycentre without "
            "hidden-to-hidden weights.",
        ),
        {
            "accuracies": each,
            "settings": {"data": data, "networks": networks, "epochs": epochs, "hidden": hidden},
            "seed": seed,
        },
        Chart("method", "accuracy", error="± over pairs", panel="cell"),
        tuple(runs),
    )


def _verdict(cell: str, mine: Sequence[float], other: Sequence[float]) -> str:
    gain = 100 * (np.array(mine) - np.array(other))
    error = f" ± {gain.std(ddof=1) / len(gain) ** 0.5:.1f}" if len(gain) > 1 else ""
    return (
        f"{cell.upper()}: comparing hidden-to-hidden weights too gives {gain.mean():+.1f}{error} points of accuracy "
        f"(mean of the pairs ± its standard error) and is ahead in {int((gain > 0).sum())} of {len(gain)} pairs."
    )
