"""Layers that several families share: activations and norms by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.errors import SettingError

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu-tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "elu": F.elu,
    "leaky-relu": F.leaky_relu,
    "identity": lambda x: x,
}

NORMS = ("none", "bn", "ln", "gn")
"""BatchNorm; LayerNorm over the channels of each position; GroupNorm (one group = over the whole image)."""


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each position: (b, c, h, w) → same."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def norm2d(kind: str, channels: int, groups: int) -> nn.Module:
    """The norm after a convolution."""
    if kind == "bn":
        return nn.BatchNorm2d(channels)
    if kind == "ln":
        return ChannelNorm(channels)
    if kind == "gn":
        if channels % groups:
            raise SettingError(f"norm_groups={groups} does not divide {channels} channels; choose a divisor")
        return nn.GroupNorm(groups, channels)
    return nn.Identity()


def norm1d(kind: str, features: int) -> nn.Module:
    """The norm after a linear layer."""
    return nn.BatchNorm1d(features) if kind == "bn" else nn.LayerNorm(features) if kind == "ln" else nn.Identity()
