"""Multilayer perceptrons of any depth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from lmc_core.errors import SettingError
from lmc_core.networks.families._layers import ACTIVATIONS, norm1d
from lmc_core.networks.families._options import option


@dataclass(frozen=True)
class Options:
    """Linear layers fc1 … fcL with an activation between them; the input is flattened."""

    widths: tuple[int, ...] = option("features read, hidden widths, classes: 784,512,512,10")
    input_shape: tuple[int, ...] = option("shape of one example, flattened; empty = (features,)", ())
    bias: tuple[bool, ...] = option("biases, for all layers or layer by layer", (True,))
    norm: str = option("norm after every hidden linear layer", "none", choices=("none", "bn", "ln"))
    activation: str = option("after every hidden layer", "relu", choices=tuple(ACTIVATIONS))


class MLP(nn.Module):
    """x (b, *input_shape) → logits (b, widths[-1])."""

    def __init__(self, o: Options):
        super().__init__()
        pairs = list(pairwise(o.widths))
        biases = o.bias * len(pairs) if len(o.bias) == 1 else o.bias
        if not pairs or len(biases) != len(pairs):
            raise SettingError(f"widths={o.widths} make {len(pairs)} linear layers, bias={o.bias} names {len(biases)}")
        if o.input_shape and prod(o.input_shape) != o.widths[0]:
            raise SettingError(f"input_shape={o.input_shape} holds {prod(o.input_shape)} numbers, not {o.widths[0]}")
        self.activation = ACTIVATIONS[o.activation]
        self.depth = len(pairs)
        for i, ((n, m), bias) in enumerate(zip(pairs, biases, strict=True), 1):
            self.add_module(f"fc{i}", nn.Linear(n, m, bias=bias))
            if i < self.depth and o.norm != "none":
                self.add_module(f"norm{i}", norm1d(o.norm, m))
        self.normed = o.norm != "none"

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for i in range(1, self.depth + 1):
            x = self.get_submodule(f"fc{i}")(x)
            if i < self.depth:
                x = self.activation(self.get_submodule(f"norm{i}")(x) if self.normed else x)
        return x


def example(o: Options) -> tuple[tuple[int, ...], int]:
    """Shape of one example, and of how many tokens it chooses; 0 = it is made of numbers."""
    return o.input_shape or (o.widths[0],), 0
