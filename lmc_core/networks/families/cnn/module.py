"""Convolution–pool–linear networks, VGG with and without norms among them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.errors import SettingError
from lmc_core.networks.families._layers import ACTIVATIONS, NORMS, norm2d
from lmc_core.networks.families._options import option


@dataclass(frozen=True)
class Options:
    """Stages of convolutions with a pooling after each, then linear layers."""

    stages: tuple[tuple[int, ...], ...] = option("channels of the convolutions of each stage: [[32], [64, 64]]")
    hidden: tuple[int, ...] = option("widths of the hidden linear layers", ())
    classes: int = option("number of classes", 10)
    input_shape: tuple[int, ...] = option("channels × height × width of one example", (3, 32, 32))
    kernel: tuple[int, ...] = option("kernel size, for all convolutions or one by one", (3,))
    stride: tuple[int, ...] = option("stride, for all convolutions or one by one", (1,))
    padding: tuple[int, ...] = option("padding, likewise; empty = half the kernel (same size)", (), low=0)
    bias: bool = option("biases in the convolutions", True)
    fc_bias: bool = option("biases in the linear layers", True)
    norm: str = option("norm after every convolution", "none", choices=NORMS)
    norm_groups: int = option("groups of a GroupNorm", 1)
    activation: str = option("after every hidden layer", "relu", choices=tuple(ACTIVATIONS))
    pool: str = option("pooling after each stage", "max", choices=("max", "avg", "none"))
    pool_size: int = option("side of the pooling window", 2)
    pooled: tuple[int, ...] = option("stages that end in a pooling, counted from 1; empty = all", ())
    head: str = option("how the last map is read", "flatten", choices=("flatten", "mean", "max"))
    head_size: int = option("side the last map is averaged to before it is flattened; 0 = as it is", 0, low=0)


class CNN(nn.Module):
    """x (b, c, h, w) → logits (b, classes): conv1 …, norm1 …, fc1 …"""

    def __init__(self, o: Options):
        super().__init__()
        plan = layer_plan(o)
        for i, layer in enumerate(plan, 1):
            conv = nn.Conv2d(layer.inputs, layer.channels, layer.kernel, layer.stride, layer.padding, bias=o.bias)
            self.add_module(f"conv{i}", conv)
            if o.norm != "none":
                self.add_module(f"norm{i}", norm2d(o.norm, layer.channels, o.norm_groups))
        widths = (features(o), *o.hidden, o.classes)
        for i, (n, m) in enumerate(pairwise(widths), 1):
            self.add_module(f"fc{i}", nn.Linear(n, m, bias=o.fc_bias))
        self.ends = [layer.pooled for layer in plan]
        self.linear = len(widths) - 1
        self.options = o
        self.activation = ACTIVATIONS[o.activation]

    def forward(self, x: Tensor) -> Tensor:
        o = self.options
        x = x.reshape(x.shape[0], *o.input_shape)
        for i, pooled in enumerate(self.ends, 1):
            x = self.get_submodule(f"conv{i}")(x)
            x = self.activation(self.get_submodule(f"norm{i}")(x) if o.norm != "none" else x)
            if pooled:
                x = F.max_pool2d(x, o.pool_size) if o.pool == "max" else F.avg_pool2d(x, o.pool_size)
        if o.head == "flatten":
            x = (F.adaptive_avg_pool2d(x, o.head_size) if o.head_size else x).flatten(1)
        else:
            x = x.mean((2, 3)) if o.head == "mean" else x.amax((2, 3))
        for i in range(1, self.linear + 1):
            x = self.get_submodule(f"fc{i}")(x)
            x = self.activation(x) if i < self.linear else x
        return x


@dataclass(frozen=True)
class Conv:
    """One convolution of the plan; `pooled`: a pooling follows."""

    inputs: int
    channels: int
    kernel: int
    stride: int
    padding: int
    pooled: bool


def layer_plan(o: Options) -> list[Conv]:
    """The convolutions in order. Raises SettingError when the lists do not fit together."""
    if len(o.input_shape) != 3 or not all(o.stages):
        raise SettingError(f"input_shape={o.input_shape} must be channels × height × width; no stage may be empty")
    count = sum(map(len, o.stages))
    kernels = _each("kernel", o.kernel, count)
    strides = _each("stride", o.stride, count)
    paddings = _each("padding", o.padding, count) if o.padding else tuple(k // 2 for k in kernels)
    plan: list[Conv] = []
    inputs = o.input_shape[0]
    for number, stage in enumerate(o.stages, 1):
        for place, channels in enumerate(stage, 1):
            i = len(plan)
            pooled = place == len(stage) and o.pool != "none" and (not o.pooled or number in o.pooled)
            plan.append(Conv(inputs, channels, kernels[i], strides[i], paddings[i], pooled))
            inputs = channels
    return plan


def last_map(o: Options) -> tuple[int, int, int]:
    """Channels, height and width before the head. Raises SettingError when the image is used up earlier."""
    c, h, w = o.input_shape
    for conv in layer_plan(o):
        c = conv.channels
        h, w = ((side + 2 * conv.padding - conv.kernel) // conv.stride + 1 for side in (h, w))
        if conv.pooled:
            h, w = h // o.pool_size, w // o.pool_size
        if h < 1 or w < 1:
            raise SettingError(f"an image of {o.input_shape[1]}×{o.input_shape[2]} is too small for so many poolings")
    return c, h, w


def features(o: Options) -> int:
    """How many numbers the first linear layer reads."""
    c, h, w = last_map(o)
    if o.head != "flatten":
        return c
    return c * (o.head_size**2 or h * w)


def example(o: Options) -> tuple[tuple[int, ...], int]:
    """Shape of one example, and of how many tokens it chooses; 0 = it is made of numbers."""
    return o.input_shape, 0


def _each(name: str, values: tuple[int, ...], count: int) -> tuple[int, ...]:
    if len(values) not in (1, count):
        raise SettingError(f"{name}={values} must hold one number, or one for each of the {count} convolutions")
    return values * count if len(values) == 1 else values
