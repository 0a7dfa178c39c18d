"""The recipes behind the shipped checkpoints."""

from __future__ import annotations

from lmc_core.networks.families import architecture
from lmc_core.networks.values import Normalize
from lmc_core.training.train import Recipe


def _digits_mlp(width: int) -> Recipe:
    return Recipe(
        title=f"Digits MLP, 3 × {width}",
        architecture=architecture("mlp", widths=(64, width, width, width, 10), input_shape=(8, 8)),
        data="digits",
        optimiser="sgd",
        rate=0.1,
        epochs=100,
        batch=32,
        weight_decay=5e-4,
    )


RECIPES: dict[str, Recipe] = {
    "digits-mlp-32": _digits_mlp(32),
    "digits-mlp-128": _digits_mlp(128),
    "digits-mlp-512": _digits_mlp(512),
    "digits-cnn": Recipe(
        title="Digits CNN, 2 convolutions",
        architecture=architecture("cnn", stages=((32,), (64,)), hidden=(128,), input_shape=(1, 8, 8)),
        data="digits",
        optimiser="sgd",
        rate=0.05,
        epochs=50,
        batch=32,
        weight_decay=5e-4,
    ),
    "digits-lstm": Recipe(
        title="Digits LSTM, rows as steps",
        architecture=architecture("recurrent", features=8, steps=8, hidden=64, cell="lstm"),
        data="digits",
        optimiser="adam",
        rate=5e-3,
        epochs=60,
        batch=32,
        clip=1.0,
    ),
    "digits-vit": Recipe(
        title="Digits vision transformer, 2 blocks of width 32",
        architecture=architecture(
            "transformer", width=32, depth=2, input_shape=(1, 8, 8), patch=2, token="mean", classes=10
        ),
        data="digits",
        optimiser="adamw",
        rate=4e-3,
        epochs=40,
        batch=64,
        weight_decay=0.01,
        warmup=100,
        clip=1.0,
    ),
    "mnist-mlp-512": Recipe(  # Ferbach 2023, figure 2, at the fifth of its six learning rates
        title="MNIST MLP, 3 × 512",
        architecture=architecture("mlp", widths=(784, 512, 512, 512, 10), input_shape=(28, 28)),
        data="mnist",
        optimiser="sgd",
        rate=2.5e-2,
        epochs=50,
        batch=500,
        warmup=10,
        init="lecun",
    ),
    "mnist-lstm": Recipe(
        title="MNIST LSTM, rows as steps",
        architecture=architecture("recurrent", features=28, steps=28, hidden=128, cell="lstm"),
        data="mnist",
        optimiser="adam",
        rate=2e-3,
        epochs=6,
        batch=128,
        clip=1.0,
    ),
    "mnist-vit": Recipe(
        title="MNIST vision transformer, 2 blocks of width 64",
        architecture=architecture(
            "transformer", width=64, depth=2, input_shape=(1, 28, 28), patch=7, token="mean", classes=10
        ),
        data="mnist",
        optimiser="adamw",
        rate=2e-3,
        epochs=5,
        batch=128,
        weight_decay=0.01,
        warmup=100,
        clip=1.0,
        normalize=Normalize((0.1307,), (0.3081,)),
    ),
    "char-gpt": Recipe(
        title="Character GPT, 2 blocks of width 64",
        architecture=architecture("gpt", width=64, depth=2, heads=4, input_shape=(64,), vocabulary=96),
        data="text",
        optimiser="adamw",
        rate=3e-3,
        epochs=10,
        batch=64,
        weight_decay=0.01,
        warmup=100,
        clip=1.0,
    ),
    "cifar10-resnet8": Recipe(
        title="CIFAR-10 ResNet-8 with BatchNorm",
        architecture=architecture("resnet", blocks=(1, 1, 1), widths=(16, 32, 64), shortcut="B"),
        data="cifar10",
        optimiser="sgd",
        rate=0.1,
        epochs=5,
        batch=128,
        weight_decay=5e-4,
        warmup=200,
        augment="flip-crop",
        normalize=Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ),
}
"""Name → recipe; also the name of the checkpoint's folder."""
