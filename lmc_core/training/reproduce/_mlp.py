"""The fully connected networks of Akash 2022 and what the experiments with them have in common."""

from __future__ import annotations

from math import prod

from lmc_core.data.registry import DATASETS
from lmc_core.networks.families import architecture
from lmc_core.networks.values import Normalize
from lmc_core.options import Option
from lmc_core.training.train import Recipe

DATA = Option("data", str, "mnist", "The data set.", choices=("mnist", "fashion-mnist", "digits"))
WIDTH = Option("width", float, 1.0, "Factor on the hidden widths 400, 200, 100.", low=0.05, high=10)

NORMALIZE = {"mnist": Normalize((0.1307,), (0.3081,)), "fashion-mnist": Normalize((0.2860,), (0.3530,))}
SEEDS = (43, 348, 437, 82, 233, 31, 786, 234, 12, 7)
"""Of the ten networks of the paper."""


def hidden(width: float) -> tuple[int, ...]:
    """Hidden widths."""
    return tuple(max(1, round(width * n)) for n in (400, 200, 100))


def mlp(data: str, epochs: int, width: float = 1.0, train_examples: int | None = None) -> Recipe:
    """A network without biases, trained by SGD; the rate and momentum are those of networks trained on all data."""
    shape = DATASETS[data].shape
    called = "-".join(map(str, hidden(width)))
    return Recipe(
        title=f"{data} MLP {called} without biases",
        architecture=architecture("mlp", widths=(prod(shape), *hidden(width), 10), bias=(False,), input_shape=shape),
        data=data,
        optimiser="sgd",
        rate=0.05,
        momentum=0.5,
        epochs=epochs,
        batch=64,
        schedule="constant",
        train_examples=train_examples,
        normalize=NORMALIZE.get(data),
    )


def seeds(networks: int, seed: int) -> list[int]:
    """Those of the paper, then others; `seed` moves them all."""
    return [1000 * seed + (SEEDS[i] if i < len(SEEDS) else 1000 + i) for i in range(networks)]
