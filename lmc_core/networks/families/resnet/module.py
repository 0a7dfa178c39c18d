"""Residual networks: those for CIFAR (6n + 2 layers) and those for ImageNet (basic or bottleneck blocks)."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.errors import SettingError
from lmc_core.networks.families._layers import ACTIVATIONS, NORMS, norm2d
from lmc_core.networks.families._options import DEEPEST, option


@dataclass(frozen=True)
class Options:
    """He et al. 2015: a stem, stages of residual blocks, the mean over the image, one linear layer.

    With `norm_first` the blocks of He et al. 2016, as in wide residual networks: the sum of a block is left as it is,
    and one norm with its activation stands before the mean.
    """

    blocks: tuple[int, ...] = option(
        "blocks in each stage: 3,3,3 is ResNet-20, 2,2,2,2 is ResNet-18", (3, 3, 3), high=DEEPEST
    )
    widths: tuple[int, ...] = option("channels inside the blocks of each stage", (16, 32, 64))
    stem: int = option("channels after the first convolution; 0 = those of the first stage", 0, low=0)
    block: str = option("two 3×3 convolutions, or 1×1, 3×3, 1×1", "basic", choices=("basic", "bottleneck"))
    expansion: int = option("channels a bottleneck block puts out for each one inside", 4)
    groups: int = option("groups of a bottleneck's 3×3 convolution", 1)
    shortcut: str = option(
        "where a block changes shape. A: every other pixel, zero channels on both sides; A-end: after the others; "
        "B: 1×1 convolution and norm; B3: 3×3 convolution and norm",
        "B",
        choices=("A", "A-end", "B", "B3"),
    )
    norm: str = option("norm of every convolution", "bn", choices=NORMS)
    norm_groups: int = option("groups of a GroupNorm", 1)
    norm_first: bool = option("norm and activation before each convolution of a block (pre-activation)", False, since=2)
    shortcut_reads: str = option(
        "what the convolution of a shortcut reads where norms come first: the block's input, or what its first "
        "activation gives",
        "activation",
        choices=("activation", "input"),
        since=2,
    )
    shortcut_norm: bool = option("norm after the convolution of a shortcut", True, since=2)
    stem_norm: bool = option("norm and activation after the first convolution", True, since=2)
    final_norm: bool = option("norm before the mean over the image, where norms come first", True, since=2)
    bias: bool = option("biases in the convolutions", False)
    fc_bias: bool = option("bias in the linear layer", True)
    stem_kernel: int = option("kernel of the first convolution: 3, or 7 with stride 2 and a pooling", 3)
    stem_stride: int = option("stride of the first convolution; 0 = 2 for a kernel of 7, else 1", 0, low=0)
    stem_pool: str = option("3×3 pooling after the stem", "auto", choices=("auto", "yes", "no"))
    activation: str = option("after every hidden layer", "relu", choices=tuple(ACTIVATIONS))
    classes: int = option("number of classes", 10)
    input_shape: tuple[int, ...] = option("channels × height × width of one example", (3, 32, 32))


class PadShortcut(nn.Module):
    """Shortcut without parameters (option A): every `stride`-th pixel, zero channels on both sides or at the end."""

    def __init__(self, inputs: int, outputs: int, stride: int, centred: bool):
        super().__init__()
        self.before = (outputs - inputs) // 2 if centred else 0
        self.after = outputs - inputs - self.before
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.before, self.after))


class Block(nn.Module):
    """activation(shortcut(x) + convolutions(x)), (b, inputs, h, w) → (b, outputs, h / stride, w / stride).

    With `norm_first`: shortcut(x or a) + convolutions(x), where a = activation(bn1(x)) is what its first convolution
    reads.
    """

    def __init__(self, o: Options, inputs: int, width: int, stride: int):
        super().__init__()
        bottleneck = o.block == "bottleneck"
        outputs = width * o.expansion if bottleneck else width
        shapes = [(width, 1), (width, 3), (outputs, 1)] if bottleneck else [(width, 3), (outputs, 3)]
        strided = 1 if bottleneck else 0  # as torchvision does: the 3×3 convolution carries the stride
        n = inputs
        for i, (m, kernel) in enumerate(shapes):
            grouped = o.groups if bottleneck and kernel == 3 else 1
            if n % grouped or m % grouped:
                raise SettingError(f"groups={grouped} does not divide {n} and {m} channels")
            step = stride if i == strided else 1
            conv = nn.Conv2d(n, m, kernel, step, kernel // 2, groups=grouped, bias=o.bias)
            self.add_module(f"conv{i + 1}", conv)
            self.add_module(f"bn{i + 1}", norm2d(o.norm, n if o.norm_first else m, o.norm_groups))
            n = m
        self.depth, self.norm_first = len(shapes), o.norm_first
        self.activation = ACTIVATIONS[o.activation]
        self.downsample: nn.Module = nn.Identity()
        if (stride != 1 or inputs != outputs) and o.shortcut in ("B", "B3"):
            kernel = 3 if o.shortcut == "B3" else 1
            conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=o.bias)
            norm = [norm2d(o.norm, outputs, o.norm_groups)] if o.shortcut_norm else []
            self.downsample = nn.Sequential(conv, *norm)
        elif stride != 1 or inputs != outputs:
            if outputs < inputs:
                raise SettingError(f"shortcut A cannot go from {inputs} to {outputs} channels; use B")
            self.downsample = PadShortcut(inputs, outputs, stride, o.shortcut == "A")
        self.reads_input = o.shortcut_reads == "input" or not isinstance(self.downsample, nn.Sequential)

    def forward(self, x: Tensor) -> Tensor:
        return self._norms_first(x) if self.norm_first else self._norms_last(x)

    def _norms_first(self, x: Tensor) -> Tensor:
        y = first = self.activation(self.get_submodule("bn1")(x))
        for i in range(1, self.depth + 1):
            y = self.activation(self.get_submodule(f"bn{i}")(y)) if i > 1 else y
            y = self.get_submodule(f"conv{i}")(y)
        return y + self.downsample(x if self.reads_input else first)

    def _norms_last(self, x: Tensor) -> Tensor:
        y = x
        for i in range(1, self.depth + 1):
            y = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(y))
            y = self.activation(y) if i < self.depth else y
        return self.activation(y + self.downsample(x))


class ResNet(nn.Module):
    """x (b, c, h, w) → logits (b, classes): conv1, bn1, layer1.0.conv1 …, (bn,) fc."""

    def __init__(self, o: Options):
        super().__init__()
        if len(o.blocks) != len(o.widths) or not o.blocks or min(o.blocks) < 1:
            raise SettingError(f"blocks={o.blocks} and widths={o.widths} must name the same stages, each with a block")
        if len(o.input_shape) != 3:
            raise SettingError(f"input_shape={o.input_shape} must be channels × height × width")
        large = o.stem_kernel == 7
        channels = o.stem or o.widths[0]
        stride = o.stem_stride or (2 if large else 1)
        self.conv1 = nn.Conv2d(o.input_shape[0], channels, o.stem_kernel, stride, o.stem_kernel // 2, bias=o.bias)
        self.bn1 = norm2d(o.norm, channels, o.norm_groups) if o.stem_norm else None
        self.pool = o.stem_pool == "yes" or (o.stem_pool == "auto" and large)
        for stage, (count, width) in enumerate(zip(o.blocks, o.widths, strict=True), 1):
            layers = []
            for place in range(count):
                stride = 2 if stage > 1 and place == 0 else 1
                layers.append(Block(o, channels, width, stride))
                channels = width * o.expansion if o.block == "bottleneck" else width
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
        self.stages = len(o.blocks)
        self.bn = norm2d(o.norm, channels, o.norm_groups) if o.norm_first and o.final_norm else None
        self.fc = nn.Linear(channels, o.classes, bias=o.fc_bias)
        self.activation = ACTIVATIONS[o.activation]
        self.input_shape = o.input_shape

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(x.shape[0], *self.input_shape)
        x = self.conv1(x)
        x = self.activation(self.bn1(x)) if self.bn1 is not None else x
        x = F.max_pool2d(x, 3, 2, 1) if self.pool else x
        for stage in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        x = self.activation(self.bn(x)) if self.bn is not None else x
        return self.fc(x.mean((2, 3)))


def example(o: Options) -> tuple[tuple[int, ...], int]:
    """Shape of one example, and of how many tokens it chooses; 0 = it is made of numbers."""
    return o.input_shape, 0
