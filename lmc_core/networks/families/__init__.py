"""The architectures we can build from a name and options that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from lmc_core.errors import SettingError
from lmc_core.networks.families._options import LARGEST, read, write
from lmc_core.networks.families.cnn import module as cnn
from lmc_core.networks.families.mlp import module as mlp
from lmc_core.networks.families.recurrent import module as recurrent
from lmc_core.networks.families.resnet import module as resnet
from lmc_core.networks.families.transformer import module as transformer
from lmc_core.networks.values import Architecture


@dataclass(frozen=True)
class Family:
    """One kind of network.

    options      frozen dataclass; each field carries its help
    module       options → nn.Module
    input_shape  options → shape of one example
    vocabulary   options → number of tokens, 0 when examples are numbers and not tokens
    """

    name: str
    title: str
    options: type
    module: Callable[[Any], nn.Module]
    input_shape: Callable[[Any], tuple[int, ...]]
    vocabulary: Callable[[Any], int] = lambda options: 0


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("mlp", "Multilayer perceptron", mlp.MLPOptions, mlp.MLP, mlp.input_shape),
        Family("cnn", "Convolutional network", cnn.CNNOptions, cnn.CNN, cnn.input_shape),
        Family("resnet", "Residual network", resnet.ResNetOptions, resnet.ResNet, resnet.input_shape),
        Family(
            "recurrent",
            "Recurrent network",
            recurrent.RecurrentOptions,
            recurrent.Recurrent,
            recurrent.input_shape,
            lambda options: options.vocabulary,
        ),
        Family(
            "transformer",
            "Transformer encoder",
            transformer.TransformerOptions,
            transformer.Transformer,
            transformer.input_shape,
            transformer.vocabulary,
        ),
    )
}


def family(name: str) -> Family:
    """Raises SettingError for an unknown name."""
    if name not in FAMILIES:
        raise SettingError(f"there is no architecture family {name!r}; it is one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def architecture(name: str, **options: Any) -> Architecture:
    """A checked architecture with every option written out. Raises SettingError."""
    return Architecture(name, write(read(family(name).options, options)))


def build(architecture: Architecture) -> nn.Module:
    """A freshly initialised module. Raises SettingError when options are missing or contradict each other."""
    kind = family(architecture.family)
    return kind.module(read(kind.options, architecture.options))


def example_inputs(architecture: Architecture, batch: int = 2) -> tuple[Tensor, ...]:
    """One batch the module accepts: standard normal numbers, or tokens; always the same.

    Raises SettingError when an example would hold more than 2²⁴ numbers.
    """
    kind = family(architecture.family)
    options: Any = read(kind.options, architecture.options)
    generator = torch.Generator().manual_seed(0)
    shape = (batch, *kind.input_shape(options))
    if prod(shape[1:]) > LARGEST:
        raise SettingError(f"one example of shape {shape[1:]} holds {prod(shape[1:])} numbers; at most {LARGEST}")
    if tokens := kind.vocabulary(options):
        return (torch.randint(tokens, shape, generator=generator),)
    return (torch.randn(shape, generator=generator),)
