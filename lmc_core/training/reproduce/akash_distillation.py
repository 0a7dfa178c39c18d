"""One-shot distillation (Akash 2022): one network on MNIST put into half its widths by transport, without training.

What is fused is the network with itself, since the barycentre of two equal networks is that of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmc_core.data.registry import dataset
from lmc_core.fusion.fuse import fusion
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.finetune import finetune
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._mlp import DATA, WIDTH, hidden, seeds
from lmc_core.training.reproduce._pairs import alone
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.reproduce.akash_mnist import BARYCENTRE, ENTROPIC, OT, recipe

PARAMETERS = (
    DATA,
    Option("networks", int, 5, "Networks distilled.", low=1, high=100),
    Option("epochs", int, 20, "Epochs of training.", low=1, high=1000),
    Option("train_examples", int, 60_000, "Training examples.", low=1000, high=60_000),
    Option("factor", float, 0.5, "Widths of the fused network, in parts of the trained one's.", low=0.05, high=1),
    WIDTH,
    KEEP,
)
QUICK = {"networks": 2, "epochs": 2, "train_examples": 10_000}

WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Wasserstein barycentre": (BARYCENTRE, {}),
    "OT fusion": (OT, {}),
    "Wasserstein barycentre, ε 0.0005": (BARYCENTRE, {**ENTROPIC, "iterations": 5}),
    "OT fusion, ε 0.0005": (OT, ENTROPIC),
    "Wasserstein barycentre, activations": (BARYCENTRE, {"compare": "activations"}),
    "OT fusion, activations": (OT, {"compare": "activations"}),
}
LARGE = "the network itself"
TUNED = "after one epoch"


def reproduce(
    *,
    data: str = "mnist",
    networks: int = 5,
    epochs: int = 20,
    train_examples: int = 60_000,
    factor: float = 0.5,
    width: float = 1.0,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy over networks, distilled, and trained on for an epoch."""
    examples = dataset(data)
    large, small = (recipe(epochs, train_examples, data, width * share) for share in (1, factor))
    nets = [(large, number) for number in seeds(networks, seed)]
    anew = [(small, number) for number in seeds(networks, seed)]
    work = Work([*nets, *anew], examples, keep=keep, device=device, report=report)
    widths = {f"fc{k}": n for k, n in enumerate(hidden(width * factor), 1)}
    each: dict[str, dict[str, list[float]]] = {}
    runs: list[Run] = []
    for title, made in ((LARGE, nets), (f"{factor:g} × as wide, trained as long", anew)):
        scores = [work.number({"scores": "test"}, [net], alone(examples)) for net in made]
        each[title] = {"accuracy": [score["accuracy"] for score in scores]}
        runs += work.runs(sets(made, 1), {"method": title}, each[title])
    for title, (method, settings) in WAYS.items():

        def distilled(network: Any, method: str = method, settings: Mapping[str, Any] = settings) -> list[float]:
            told = examples if "compare" in settings else None
            fused = fusion([network] * 2, method, widths=widths, data=told, seed=seed, **settings).network
            curve = finetune(fused, examples, 1, rate=large.rate, momentum=large.momentum, report=report).curve
            return [score["test"]["accuracy"] for score in curve]

        what = {"distilled": method, "settings": settings, "widths": widths, "seed": seed}
        curves = [work.number(what, [net], distilled) for net in nets]
        each[title] = {"accuracy": [curve[0] for curve in curves], TUNED: [curve[1] for curve in curves]}
        numbers = {"accuracy": each[title]["accuracy"], "accuracy after one epoch": each[title][TUNED]}
        runs += work.runs(sets(nets, 1), {"method": title}, numbers)
    rows = []
    for title, one in each.items():
        tuned = spread(one[TUNED])[0] if TUNED in one else None
        mean, deviation, count = spread(one["accuracy"])
        rows.append((title, mean, deviation, tuned, count))
    called = ["-".join(map(str, hidden(width * share))) for share in (1, factor)]
    return Experiment(
        f"One {data} network of hidden widths {called[0]} put into {called[1]}",
        ("method", "accuracy", "± over networks", "accuracy after one epoch", "count"),
        tuple(rows),
        (
            f"{networks} networks trained for {epochs} epochs on nine tenths of "
            f"{min(train_examples, len(examples.y_train))} examples, the epoch chosen by the last tenth; test accuracy "
            "of the smaller network as it comes, and trained on for one epoch at the rate of the training.",
        ),
        {
            "accuracies": each,
            "settings": {
                "data": data,
                "networks": networks,
                "epochs": epochs,
                "train_examples": train_examples,
                "factor": factor,
                "width": width,
            },
            "seed": seed,
        },
        Chart("method", "accuracy", error="± over networks"),
        tuple(runs),
    )
