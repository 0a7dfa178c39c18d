"""What experiments on CIFAR-10 have in common: the examples, how pixels are scaled, and the recipe."""

from __future__ import annotations

from dataclasses import replace

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import DATASETS, dataset
from lmc_core.networks.values import Architecture, Normalize
from lmc_core.options import Option
from lmc_core.training.train import Recipe

DATA = Option("data", str, "cifar10", "The data set.", choices=("cifar10", "mnist", "digits"))
TRAIN = Option("train_examples", int, 50_000, "Training examples: the first so many.", low=100, high=60_000)
TEST = Option("test_examples", int, 10_000, "Test examples: the first so many.", low=100, high=10_000)
BATCH = Option("batch", int, 128, "Examples of a step; the learning rate stays.", low=1, high=10_000)
FILE = Option("file", str, "", "An .npz file with the examples; empty: the data set itself.")
NORMALIZE = {"cifar10": Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))}


def examples(data: str, train: int, test: int, file: str = "") -> Dataset:
    """The first so many of each part: networks of other examples are other networks."""
    whole = dataset(file or data)
    return replace(
        whole,
        x_train=whole.x_train[:train],
        y_train=whole.y_train[:train],
        x_test=whole.x_test[:test],
        y_test=whole.y_test[:test],
    )


def shape(data: str) -> tuple[int, int, int]:
    """Channels × height × width of an image."""
    own = DATASETS[data].shape
    channels, height, width = own if len(own) == 3 else (1, *own)
    return channels, height, width


def recipe(
    title: str, architecture: Architecture, data: str, epochs: int, *, rate: float, decay: float, batch: int = 128
) -> Recipe:
    """SGD with momentum: warm-up, cosine decay, images mirrored and shifted where they may be."""
    return Recipe(
        title=title,
        architecture=architecture,
        data=data,
        optimiser="sgd",
        rate=rate,
        epochs=epochs,
        batch=batch,
        weight_decay=decay,
        warmup=100,
        augment="flip-crop" if data == "cifar10" else "none",
        normalize=NORMALIZE.get(data),
    )
