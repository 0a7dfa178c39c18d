"""When two runs become connected: barriers after alignment by epoch of training (Frankle 2020, Ainsworth 2022).

Independent runs differ in start and order of examples from the beginning; spawned runs are copies of one network, taken
after so many epochs, and differ in the order from there on. Every epoch is a run of its own that starts where the last
one ended, at a constant learning rate; momentum starts anew with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from lmc_core.data.dataset import Dataset
from lmc_core.networks.families import architecture
from lmc_core.networks.network import Network, State
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce import _cifar
from lmc_core.training.reproduce._experiment import Chart, Experiment, Run, spread
from lmc_core.training.reproduce._pairs import along
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._work import Work, sets
from lmc_core.training.reproduce.rebasin_width import mlp, resnet
from lmc_core.training.train import Recipe, initialised, train

SPAWNED = (0, 1, 4)
PARAMETERS = (
    replace(_cifar.DATA, default="mnist"),
    Option("network", str, "mlp", "What is trained.", choices=("mlp", "resnet")),
    Option("width", int, 128, "Units of a hidden layer, or channels of the first stage.", low=2, high=4096),
    Option("epochs", int, 12, "Epochs of training.", low=1, high=1000),
    Option("spawned", int, SPAWNED, "Epochs after which copies are spawned.", low=0, high=1000, many=True),
    Option("pairs", int, 2, "Independent pairs.", low=1, high=20),
    _cifar.TRAIN,
    _cifar.TEST,
    KEEP,
)
QUICK = {"epochs": 3, "spawned": (0, 1), "pairs": 1, "width": 64, "train_examples": 20_000}

WAYS: Mapping[str, str] = {"as they are": "identity", "aligned": "weight-matching"}
POINTS, EXAMPLES = 11, 10_000


def reproduce(
    *,
    data: str = "mnist",
    network: str = "mlp",
    width: int = 128,
    epochs: int = 12,
    spawned: Sequence[int] = SPAWNED,
    pairs: int = 2,
    train_examples: int = 50_000,
    test_examples: int = 10_000,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test-loss barrier over pairs, after every epoch, for independent and for spawned runs."""
    images = _cifar.examples(data, train_examples, test_examples)
    recipe = step(data, network, width)
    work = Work([], images, keep=keep, device=device, report=report)
    seeds = range(2 * pairs * seed, 2 * pairs * (seed + 1))
    couples = sets([(recipe, number) for number in seeds], 2)
    rows: list[tuple[Any, ...]] = []
    runs: list[Run] = []
    curves: dict[str, dict[str, list[list[float]]]] = {}
    for after in (None, *(k for k in spawned if k < epochs)):
        kind = "independent" if after is None else f"spawned after {after} epochs"
        every = [
            work.number(
                {"over training": kind, "epochs": epochs, "seeds": [i, i + 1]},
                [(recipe, i)],
                lambda *_, i=i, after=after: barriers(recipe, images, epochs, after, (i, i + 1), device, report),
            )
            for i in seeds[::2]
        ]
        curves[kind] = {
            how: [list(values) for values in zip(*(own[how] for own in every), strict=True)] for how in WAYS
        }
        for how, found in curves[kind].items():
            if after is not None and how == "aligned":
                continue
            for epoch, values in enumerate(found, (after or 0) + 1):
                title = f"{kind}, {how}" if after is None else kind
                rows.append((float(epoch), title, *spread(values)))
                runs += work.runs(couples, {"epoch": float(epoch), "method": title}, {"barrier": values})
    return Experiment(
        f"Barriers over training: {recipe.title}",
        ("epoch", "method", "barrier", "± over pairs", "pairs"),
        tuple(rows),
        (
            f"{pairs} independent pairs, {train_examples} training examples, constant learning rate; the largest rise "
            f"of the test loss over the chord at {POINTS} points. Aligned: by weight matching.",
        ),
        {
            "curves": curves,
            "settings": {
                "data": data,
                "network": network,
                "width": width,
                "epochs": epochs,
                "spawned": list(spawned),
                "pairs": pairs,
                "train_examples": train_examples,
            },
            "seed": seed,
        },
        Chart("epoch", "barrier", "method", "± over pairs"),
        tuple(runs),
    )


def step(data: str, network: str, width: int) -> Recipe:
    """One epoch."""
    if network == "resnet":
        made = architecture(
            "resnet",
            blocks=(1, 1, 1),
            widths=(width, 2 * width, 4 * width),
            norm="ln",
            input_shape=_cifar.shape(data),
        )
        return replace(resnet(data, 1.0, 1), title=f"{data} ResNet-8, width {width}", architecture=made, warmup=0)
    title = f"{data} MLP, 3 × {width}"
    return replace(mlp(data, width, 1), title=title, optimiser="sgd", rate=0.05, batch=100)


def barriers(
    recipe: Recipe, data: Dataset, epochs: int, after: int | None, seeds: tuple[int, int], device: str, report: Report
) -> dict[str, list[float]]:
    """Per way of aligning the barrier after every epoch, or after every epoch from the spawning on."""
    found: dict[str, list[float]] = {how: [] for how in WAYS}
    lines = [runs(recipe, data, epochs, after, seeds[0], seed, device, report) for seed in seeds]
    for a, b in zip(*lines, strict=True):
        for how, method in WAYS.items():
            line = along(method, {}, data, examples=EXAMPLES, report=report, points=POINTS)
            found[how].append(line(a, b)["test"]["barrier"])
    return found


def runs(
    recipe: Recipe, data: Dataset, epochs: int, after: int | None, trunk: int, own: int, device: str, report: Report
) -> Iterator[Network]:
    """The network after every epoch of a run of its own, or of one that goes with the trunk for so many epochs."""
    if after is None:
        after, trunk = 0, own
    state: State = initialised(recipe, torch.Generator().manual_seed(trunk)).state_dict()
    for epoch in range(epochs):
        seed = 1000 * (trunk if epoch < after else own) + epoch
        network = train(recipe, seed, data=data, start=state, device=device, report=report)
        state = network.state
        if epoch >= after:
            yield network.to(device)
