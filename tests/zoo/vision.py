"""Networks that read images."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """Two convolutions and a shortcut; projected where shapes change."""

    def __init__(self, inside: int, out: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.norm1 = norm(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = norm(out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != out:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), norm(out))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """Six blocks in three stages of widths 8, 16, 32."""

    def __init__(self, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.norm1 = norm(8)
        blocks, inside = [], 8
        for width, stride in ((8, 1), (16, 2), (32, 2)):
            blocks += [Residual(inside, width, stride, norm), Residual(width, width, 1, norm)]
            inside = width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(F.relu(self.norm1(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1))


class DenseNet(nn.Module):
    """Channels 6 and 4 side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 6, 3, 1, 1), nn.Conv2d(6, 4, 3, 1, 1), nn.Conv2d(10, 7, 3, 1, 1)
        self.norm = nn.BatchNorm2d(10)
        self.fc = nn.Linear(7, 5)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.a(x))
        y = torch.cat([a, F.relu(self.b(a))], 1)
        return self.fc(F.relu(self.c(self.norm(y))).mean((2, 3)))


class DepthwiseGrouped(nn.Module):
    """Depthwise over 8, pointwise to 12, grouped in 3."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 1, 1)
        self.depth = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.point = nn.Conv2d(8, 12, 1)
        self.grouped = nn.Conv2d(12, 9, 3, 1, 1, groups=3)
        self.fc = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.depth(F.relu(self.stem(x))))
        y = F.relu(self.grouped(F.relu(self.point(y))))
        return self.fc(y.mean((2, 3)))


class UNet(nn.Module):
    """Down, up by a transposed convolution, a skip side by side, a dense output."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, 6, 3, 1, 1)
        self.down = nn.Conv2d(6, 10, 3, 2, 1)
        self.up = nn.ConvTranspose2d(10, 6, 2, 2)
        self.mix = nn.Conv2d(12, 8, 3, 1, 1)
        self.leave = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.enter(x))
        y = F.relu(self.up(F.relu(self.down(a))))
        return self.leave(F.relu(self.mix(torch.cat([a, y], 1))))


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(48, 16),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(16, 5),
    )


def group_norm(width: int) -> nn.Module:
    return nn.GroupNorm(4, width)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 and a projection, with in-place activations and in-place addition."""

    def __init__(self, inside: int, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class BottleneckNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Bottleneck(8, 4, 16, 1), Bottleneck(16, 4, 16, 1))
        self.layer2 = nn.Sequential(Bottleneck(16, 6, 24, 2))
        self.fc = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer2(self.layer1(self.pool(self.stem(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(y, (1, 1)), 1))


class PaddedShortcut(nn.Module):
    """Strides and zero channels on the shortcut, no parameters (option A of CIFAR ResNets)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.norm2 = nn.Conv2d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6)
        self.conv3, self.norm3 = nn.Conv2d(6, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12)
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)) + y)
        y = F.relu(self.norm3(self.conv3(y)) + F.pad(y[:, :, ::2, ::2], (0, 0, 0, 0, 3, 3)))
        return self.fc(y.mean((2, 3)))


class PreactGroupNorm(nn.Module):
    """The same stream normalised in groups more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 1, 1)
        self.norms = nn.ModuleList([nn.GroupNorm(4, 8) for _ in range(3)])
        self.convs = nn.ModuleList([nn.Conv2d(8, 8, 3, 1, 1) for _ in range(2)])
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        for norm, conv in zip(self.norms, self.convs, strict=False):
            y = y + conv(F.relu(norm(y)))
        return self.fc(F.relu(self.norms[2](y)).mean((2, 3)))


class LayerNorm2d(nn.LayerNorm):
    """Over channels, for images."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """Depthwise 7×7, channels last, a scale per channel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm0 = nn.Conv2d(3, 8, 2, 2), LayerNorm2d(8)
        self.depth = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm, self.up, self.down = nn.LayerNorm(8, eps=1e-6), nn.Linear(8, 20), nn.Linear(20, 8)
        self.gamma = nn.Parameter(torch.ones(8))
        self.norm1, self.fc = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm0(self.stem(x))
        y = self.depth(x).permute(0, 2, 3, 1)
        y = self.gamma * self.down(F.gelu(self.up(self.norm(y))))
        x = x + y.permute(0, 3, 1, 2)
        return self.fc(self.norm1(x.mean([-2, -1])))


class SqueezeExcite(nn.Module):
    """Depthwise separable with a gate per channel, as in mobile networks."""

    def __init__(self) -> None:
        super().__init__()
        self.expand, self.bn1 = nn.Conv2d(3, 10, 1, bias=False), nn.BatchNorm2d(10)
        self.depth, self.bn2 = nn.Conv2d(10, 10, 3, 1, 1, groups=10, bias=False), nn.BatchNorm2d(10)
        self.reduce, self.enlarge = nn.Conv2d(10, 4, 1), nn.Conv2d(4, 10, 1)
        self.project, self.bn3 = nn.Conv2d(10, 6, 1, bias=False), nn.BatchNorm2d(6)
        self.slope, self.fc = nn.PReLU(6), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.bn2(self.depth(F.relu6(self.bn1(self.expand(x))))))
        gate = F.hardsigmoid(self.enlarge(F.relu(self.reduce(F.adaptive_avg_pool2d(y, 1)))))
        return self.fc(self.slope(self.bn3(self.project(y * gate))).mean((2, 3)))


class ShuffleNet(nn.Module):
    """Channel shuffle written out, half of the channels passed by."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch = nn.Conv2d(3, 12, 3, 2, 1), nn.Conv2d(6, 6, 1)
        self.last, self.fc = nn.Conv2d(12, 8, 1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        a, b = F.relu(self.stem(x)).chunk(2, dim=1)
        y = torch.cat((a, F.relu(self.branch(b))), dim=1)
        n, c, h, w = y.shape
        y = y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.fc(F.relu(self.last(y)).mean((2, 3)))


class Decoder(nn.Module):
    """A vector unfolded to an image, grouped transposed convolution, pixel shuffle, upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(7, 12 * 4)
        self.norm = nn.InstanceNorm2d(12, affine=True)
        self.up = nn.ConvTranspose2d(12, 8, 2, 2, groups=2)
        self.conv, self.leave = nn.Conv2d(8, 16, 1), nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.up(self.norm(self.fc(x).view(-1, 12, 2, 2))))
        y = F.pixel_shuffle(torch.relu(self.conv(y)), 2)
        return self.leave(F.interpolate(y, scale_factor=2, mode="bilinear"))
