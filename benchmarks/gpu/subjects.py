"""The networks that are compared and timed: shipped pairs, and pairs of known shapes with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lmc_core as lmc
from lmc_core.data.dataset import Dataset
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.networks.values import Architecture

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"

ATTENTION = architecture("transformer", width=32, depth=2, heads=4, patch=4, input_shape=(1, 8, 8))

VGG16 = tuple((width,) * count for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)))


@dataclass(frozen=True)
class Shape:
    """An architecture with random weights, and how many random examples of each split a path is evaluated on."""

    architecture: Architecture
    examples: int


SHAPES: Mapping[str, Shape] = {
    "MLP-512": Shape(architecture("mlp", widths=(784, 512, 512, 512, 10)), 10_000),
    "ResNet-8": Shape(architecture("resnet", blocks=(1, 1, 1), widths=(16, 32, 64)), 2_000),
    "ResNet-20": Shape(architecture("resnet", blocks=(3, 3, 3), widths=(16, 32, 64)), 1_000),
    "VGG16": Shape(architecture("cnn", stages=VGG16, hidden=(512,), norm="bn"), 256),
    "ResNet-50": Shape(
        architecture(
            "resnet",
            blocks=(3, 4, 6, 3),
            widths=(64, 128, 256, 512),
            block="bottleneck",
            stem_kernel=7,
            classes=1000,
            input_shape=(3, 64, 64),
        ),
        128,
    ),
}


def pair(arch: Architecture, count: int = 2) -> tuple[Network, ...]:
    """Networks of one architecture with random weights, each from a seed of its own."""
    nets = []
    for seed in range(count):
        torch.manual_seed(seed)
        nets.append(network(build(arch), example_inputs(arch), architecture=arch))
    return tuple(nets)


def noise(arch: Architecture, examples: int) -> Dataset:
    """Random examples with random labels: work is the same as on real ones."""
    rng = np.random.default_rng(0)
    x = rng.random((2 * examples, *example_inputs(arch)[0].shape[1:])).astype(np.float32)
    y = rng.integers(0, 10, 2 * examples)
    return Dataset("random", x[:examples], y[:examples], x[examples:], y[examples:], tuple("0123456789"))


@cache
def shipped(folder: str) -> tuple[Network, ...]:
    """The shipped networks of one recipe, at most three, or a pair of attention networks."""
    if folder == "attention":
        return pair(ATTENTION, 3)
    return tuple(lmc.load(str(file)) for file in sorted((CHECKPOINTS / folder).glob("*.safetensors"))[:3])


@lru_cache(maxsize=4)
def placed(folder: str, device: str, dtype: str) -> tuple[Network, ...]:
    """Shipped networks on a device in a floating-point type, all with one module."""
    first, *others = (net.to(device=device, dtype=getattr(torch, dtype)) for net in shipped(folder))
    return (first, *(first.with_state(other.state) for other in others))


@cache
def some(name: str, folder: Path | None, train: int, test: int) -> Dataset:
    """The first so many examples of a data set, or of `folder`/name.npz where there is one."""
    file = folder / f"{name}.npz" if folder else None
    data = lmc.dataset(str(file)) if file and file.exists() else lmc.dataset(name)
    parts: dict[str, Any] = {"x_train": train, "y_train": train, "x_test": test, "y_test": test}
    return replace(data, **{part: getattr(data, part)[:count] for part, count in parts.items()})
