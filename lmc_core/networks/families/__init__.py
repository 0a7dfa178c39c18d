"""The architectures we can build from a name and options that JSON can hold: one folder a family, one list."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from lmc_core.errors import SettingError
from lmc_core.networks.families._family import Family, Freedom
from lmc_core.networks.families._options import LARGEST, read, write
from lmc_core.networks.families.cnn import FAMILY as CNN
from lmc_core.networks.families.gpt import FAMILY as GPT
from lmc_core.networks.families.mlp import FAMILY as MLP
from lmc_core.networks.families.recurrent import FAMILY as RECURRENT
from lmc_core.networks.families.resnet import FAMILY as RESNET
from lmc_core.networks.families.transformer import FAMILY as TRANSFORMER
from lmc_core.networks.values import Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn

FAMILIES: Mapping[str, Family] = {family.name: family for family in (MLP, CNN, RESNET, RECURRENT, TRANSFORMER, GPT)}
"""Name → family, from the most general to the most particular; a state dict is held against the last one first."""


def widths(name: str) -> tuple[Freedom, ...]:
    """What can be chosen where networks of a family are fused; nothing for a name that is none of ours."""
    return FAMILIES[name].widths if name in FAMILIES else ()


def brief(name: str) -> str:
    """How people call a family, or a network that carries its own program and has none (an empty name)."""
    return FAMILIES[name].brief if name in FAMILIES else name or "program"


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
    return kind.build(read(kind.options, architecture.options))


def example_inputs(architecture: Architecture, batch: int = 2) -> tuple[Tensor, ...]:
    """One batch the module accepts: standard normal numbers, or tokens; always the same.

    Raises SettingError when an example would hold more than 2²⁴ numbers.
    """
    import torch

    kind = family(architecture.family)
    one, tokens = kind.example(read(kind.options, architecture.options))
    generator = torch.Generator().manual_seed(0)
    shape = (batch, *one)
    if prod(one) > LARGEST:
        raise SettingError(f"one example of shape {one} holds {prod(one)} numbers; at most {LARGEST}")
    if tokens:
        return (torch.randint(tokens, shape, generator=generator),)
    return (torch.randn(shape, generator=generator),)
