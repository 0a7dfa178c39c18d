"""Test-loss barriers after alignment against width (Ainsworth 2022): MLPs on MNIST, ResNet-20 on CIFAR-10.

MLPs of three hidden layers by Adam at 1e-3 in batches of 500; ResNets with LayerNorm by SGD with momentum. Width 1 of a
ResNet-20 has 16, 32 and 64 channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import DATASETS, dataset
from lmc_core.networks.families import architecture
from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.reproduce import _cifar
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._widths import swept
from lmc_core.training.train import Recipe

WIDTHS, FACTORS = (32, 64, 128, 256, 512, 1024), (0.25, 0.5, 1.0)
PARAMETERS = (
    Option("networks", str, "both", "Which networks.", choices=("both", "mlp", "resnet")),
    Option("mlp_data", str, "mnist", "What the MLPs learn.", choices=("mnist", "fashion-mnist", "digits")),
    Option("widths", int, WIDTHS, "Units of the MLPs' hidden layers.", low=2, high=8192, many=True),
    Option("mlp_epochs", int, 100, "Epochs of the MLPs' training.", low=1, high=1000),
    Option("resnet_data", str, "cifar10", "What the ResNets learn.", choices=("cifar10", "mnist", "digits")),
    Option("factors", float, FACTORS, "Widths of the ResNets, in parts of ResNet-20.", low=0.05, high=32, many=True),
    Option("resnet_epochs", int, 30, "Epochs of the ResNets' training.", low=1, high=1000),
    _cifar.BATCH,
    _cifar.TRAIN,
    _cifar.TEST,
    _cifar.FILE,
    Option("pairs", int, 2, "Independent pairs of MLPs for every width.", low=1, high=20),
    Option("resnet_pairs", int, 2, "Independent pairs of ResNets for every width.", low=1, high=20),
    KEEP,
)
QUICK = {
    "widths": (32, 64),
    "mlp_epochs": 2,
    "factors": (0.25,),
    "resnet_epochs": 1,
    "train_examples": 4000,
    "test_examples": 1000,
    "pairs": 1,
    "resnet_pairs": 1,
}

WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "no alignment": ("identity", {}),
    "weight matching": ("weight-matching", {}),
    "activation matching": ("activation-matching", {}),
}
EXAMPLES, POINTS = 10_000, 11


def mlp(data: str, width: int, epochs: int) -> Recipe:
    """The MLPs of the paper."""
    shape = DATASETS[data].shape
    return Recipe(
        title=f"{data} MLP, 3 × {width}, Adam",
        architecture=architecture("mlp", widths=(prod(shape), *[width] * 3, 10), input_shape=shape),
        data=data,
        optimiser="adam",
        rate=1e-3,
        epochs=epochs,
        batch=500,
        schedule="constant",
    )


def resnet(data: str, factor: float, epochs: int, norm: str = "ln", batch: int = 128) -> Recipe:
    """A ResNet-20 of another width."""
    widths = tuple(max(1, round(factor * n)) for n in (16, 32, 64))
    made = architecture("resnet", blocks=(3, 3, 3), widths=widths, norm=norm, input_shape=_cifar.shape(data))
    title = f"{data} ResNet-20 ×{factor:g}, {norm.upper()}"
    rate = 0.1 if norm == "bn" else 0.05
    return _cifar.recipe(title, made, data, epochs, rate=rate, decay=5e-4, batch=batch)


def reproduce(
    *,
    networks: str = "both",
    mlp_data: str = "mnist",
    widths: Sequence[int] = WIDTHS,
    mlp_epochs: int = 100,
    resnet_data: str = "cifar10",
    factors: Sequence[float] = FACTORS,
    resnet_epochs: int = 30,
    batch: int = 128,
    train_examples: int = 50_000,
    test_examples: int = 10_000,
    file: str = "",
    pairs: int = 2,
    resnet_pairs: int = 2,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean barrier over independent pairs, for each network, width and method."""
    kinds: dict[str, tuple[Dataset, Mapping[float, Recipe], int]] = {}
    if networks != "resnet":
        name = f"MLP of three hidden layers on {mlp_data}"
        kinds[name] = dataset(mlp_data), {float(width): mlp(mlp_data, width, mlp_epochs) for width in widths}, pairs
    if networks != "mlp":
        images = _cifar.examples(resnet_data, train_examples, test_examples, file)
        recipes = {factor: resnet(resnet_data, factor, resnet_epochs, batch=batch) for factor in factors}
        kinds[f"ResNet-20 with LayerNorm on {resnet_data}"] = images, recipes, resnet_pairs
    return swept(
        kinds,
        WAYS,
        points=POINTS,
        examples=EXAMPLES,
        title="Barriers after alignment, by width",
        notes=(
            *(
                (f"MLPs: {pairs} independent pairs for every width, {mlp_epochs} epochs on all training examples.",)
                * (networks != "resnet")
            ),
            *(
                (
                    f"ResNets: {resnet_pairs} independent pairs for every width, {resnet_epochs} epochs on "
                    f"{train_examples} examples, where the paper takes 250 on 50000.",
                )
                * (networks != "mlp")
            ),
            f"Barrier: the largest rise of the test loss over the chord at {POINTS} points.",
        ),
        settings={
            **({"widths": list(widths), "mlp_epochs": mlp_epochs, "pairs": pairs} if networks != "resnet" else {}),
            **(
                {
                    "factors": list(factors),
                    "resnet_epochs": resnet_epochs,
                    "batch": batch,
                    "train_examples": train_examples,
                    "test_examples": test_examples,
                    "resnet_pairs": resnet_pairs,
                }
                if networks != "mlp"
                else {}
            ),
        },
        keep=keep,
        seed=seed,
        device=device,
        report=report,
    )
