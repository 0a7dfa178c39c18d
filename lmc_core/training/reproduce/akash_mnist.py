"""Fusion of fully connected networks on MNIST: Wasserstein barycentre, OT fusion and average (Akash 2022).

Bias-free networks 784-400-200-100-10, trained apart by SGD at rate 0.05 with momentum 0.5 in batches of 64; N of them
are fused in their own widths, and pairs into 800-400-200 and 200-100-50. The accuracies of the paper are not known
here; what is checked is the order WB ≥ OT fusion > average.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.fusion.fuse import fusion
from lmc_core.methods._method import Parameter
from lmc_core.networks.architectures import architecture
from lmc_core.networks.network import Network, Normalize
from lmc_core.report import Report, silent
from lmc_core.training.finetune import measure
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.train import Recipe, train

PARAMETERS = (
    Parameter("networks", int, 10, "Networks trained.", low=2, high=100),
    Parameter("epochs", int, 20, "Epochs of training.", low=1, high=1000),
    Parameter("draws", int, 5, "Sets of networks that are fused, for each number of them.", low=1, high=1000),
    Parameter("train_examples", int, 60_000, "Training examples.", low=1000, high=60_000),
    Parameter("sinkhorn", bool, True, "Fuse by entropic plans too, which takes most of the time."),
)

WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Wasserstein barycentre": ("wasserstein-barycenter", {}),
    "Wasserstein barycentre, ε 0.0005": (
        "wasserstein-barycenter",
        {"solver": "sinkhorn", "epsilon": 0.0005, "iterations": 5},
    ),
    "OT fusion": ("ot-fusion", {}),
    "vanilla average": ("vanilla-average", {}),
}
"""What is compared; Sinkhorn stops after five rounds of couplings and barycentres."""

LARGER = {"fc1": 800, "fc2": 400, "fc3": 200}
SMALLER = {"fc1": 200, "fc2": 100, "fc3": 50}


def recipe(epochs: int, train_examples: int) -> Recipe:
    """The training of the paper, without its validation split: the last network is kept, not the best."""
    return Recipe(
        title="MNIST MLP 400-200-100 without biases",
        architecture=architecture("mlp", widths=(784, 400, 200, 100, 10), bias=(False,), input_shape=(28, 28)),
        data="mnist",
        optimiser="sgd",
        rate=0.05,
        momentum=0.5,
        epochs=epochs,
        batch=64,
        schedule="constant",
        train_examples=train_examples,
        normalize=Normalize((0.1307,), (0.3081,)),
    )


def reproduce(
    *,
    networks: int = 10,
    epochs: int = 20,
    draws: int = 5,
    train_examples: int = 60_000,
    sinkhorn: bool = True,
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test accuracy over sets of networks, with its standard deviation, for every N and method."""
    data = dataset("mnist")
    trained = []
    for number in range(networks):

        def stage(what: str, done: int, total: int, number: int = number) -> None:
            report(f"{what} network {number + 1} of {networks}", done, total)

        followed = recipe(epochs, train_examples)
        trained.append(train(followed, seed + number, data=data, device=device, report=stage).to(device))
    rows: list[tuple[Any, ...]] = [_row("the networks themselves", 1, "400-200-100", [_test(n, data) for n in trained])]
    each: dict[str, list[float]] = {}
    cases: list[tuple[int, dict[str, int] | None, str]]
    cases = [(n, None, "400-200-100") for n in (2, 4, 6) if n <= networks]
    cases += [(2, LARGER, "800-400-200"), (2, SMALLER, "200-100-50")]
    for count, widths, called in cases:
        for title, (method, settings) in WAYS.items():
            if (widths and method == "vanilla-average") or (settings and not sinkhorn):
                continue
            found = []
            for done, chosen in enumerate(_sets(networks, count, draws, seed)):
                report(f"{title}, {count} networks into {called}", done, draws)
                members = [trained[i] for i in chosen]
                found.append(_test(fusion(members, method, widths=widths, seed=seed, **settings).network, data))
            rows.append(_row(title, count, called, found))
            each[f"{title}, N={count}, {called}"] = found
    return Experiment(
        "Fusing MNIST networks 784-400-200-100-10 without biases",
        ("method", "N", "hidden widths", "accuracy", "± over sets", "sets"),
        tuple(rows),
        (
            f"{networks} networks trained for {epochs} epochs on {train_examples} examples; test accuracy of the fused "
            "network, no training afterwards.",
            "The paper keeps the epoch with the best validation accuracy; here the last one is kept.",
        ),
        {"accuracies": each, "settings": {"networks": networks, "epochs": epochs, "draws": draws}, "seed": seed},
    )


def _test(network: Network, data: Dataset) -> float:
    return measure(network, data)["test"]["accuracy"]


def _sets(networks: int, count: int, draws: int, seed: int) -> Iterator[list[int]]:
    """Random sets of networks, the same for every method."""
    rng = np.random.default_rng([seed, count])
    for _ in range(draws):
        yield [int(i) for i in rng.choice(networks, count, replace=False)]


def _row(title: str, count: int, widths: str, found: list[float]) -> tuple[Any, ...]:
    return title, count, widths, float(np.mean(found)), float(np.std(found)), len(found)
