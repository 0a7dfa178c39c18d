"""More small architectures: forms that real networks take and the eighteen of `zoo.py` do not."""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo import STEPS, TOKENS, WIDTH, ZOO, HandGRU, Member, RMSNorm, images, ready, tokens

from lmc_core.networks.network import Network, network


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


class Cell(nn.Module):
    """Recurrent cells in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru, self.fc = nn.LSTMCell(7, 6), nn.GRUCell(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 6)
        g = x.new_zeros(x.shape[0], 5)
        for step in x.unbind(1):
            h, c = self.lstm(step, (h, c))
            g = self.gru(h, g)
        return self.fc(g)


class LearnedStart(nn.Module):
    """Two layers whose initial states are parameters, and whose last states are read."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(7, 6, num_layers=2, batch_first=True)
        self.h0, self.c0 = nn.Parameter(torch.randn(2, 1, 6)), nn.Parameter(torch.randn(2, 1, 6))
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        b = x.shape[0]
        _, (h, _) = self.rnn(x, (self.h0.expand(-1, b, -1).contiguous(), self.c0.expand(-1, b, -1).contiguous()))
        return self.fc(h[-1])


class LastState(nn.Module):
    """The last hidden states of both directions, not the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(7, 6, num_layers=2, bidirectional=True)
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.rnn(x.transpose(0, 1))
        return self.fc(torch.cat([h[-2], h[-1]], -1))


class MaskedAttention(nn.Module):
    """Attention with a learned bias of shape (1, heads, T, T) as its mask."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(7, WIDTH)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.bias = nn.Parameter(torch.randn(1, 3, 4, 4))
        self.fc = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x)
        q, k, v = (f(y).view(*y.shape[:2], 3, 4).transpose(1, 2) for f in (self.q, self.k, self.v))
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=self.bias)
        return self.fc(self.o(a.transpose(1, 2).flatten(2)).mean(1))


class MixedHeads(nn.Module):
    """12 units viewed as 3 · 4, the outer axis contracted, the inner one averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.mix, self.leave = nn.Linear(7, 12), nn.Linear(3, 2), nn.Linear(2, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(x).view(-1, 3, 4).transpose(1, 2)
        return self.leave(torch.tanh(self.mix(y)).mean(1))


class CrossAttention(nn.Module):
    """nn.MultiheadAttention between two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(7, WIDTH), nn.Linear(6, WIDTH)
        self.attend = nn.MultiheadAttention(WIDTH, 3, batch_first=True)
        self.fc = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        a, b = self.left(x), self.right(y)
        return self.fc((a + self.attend(a, b, b, need_weights=False)[0]).mean(1))


class Interleaved(nn.Module):
    """Fused qkv stored head by head: each head's q, k and v side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, WIDTH)
        self.qkv, self.o, self.fc = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x)
        z = self.qkv(y).view(*y.shape[:2], 3, 12).transpose(1, 2)
        a = F.scaled_dot_product_attention(*z.chunk(3, dim=-1))
        return self.fc((y + self.o(a.transpose(1, 2).flatten(2))).mean(1))


class FusedHeads(nn.Module):
    """Query, key and value heads in one projection, viewed as heads first and divided after (2 kv heads, 4 query)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, WIDTH)
        self.qkv, self.o, self.fc = nn.Linear(WIDTH, 32), nn.Linear(16, WIDTH), nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x)
        z = self.qkv(y).view(*y.shape[:2], 8, 4).transpose(1, 2)
        q, k, v = z.split([4, 2, 2], dim=1)
        a = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
        return self.fc((y + self.o(a.transpose(1, 2).flatten(2))).mean(1))


class ComplexRotary(nn.Module):
    """Rotary positions as complex numbers; normalised queries and keys; einsum attention."""

    turns: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, WIDTH)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.qnorm, self.fc = RMSNorm(4), nn.Linear(WIDTH, 5)
        angles = torch.outer(torch.arange(STEPS).double(), torch.tensor([1.0, 0.1]).double())
        self.register_buffer("turns", torch.polar(torch.ones_like(angles), angles), persistent=False)

    def turned(self, x: Tensor) -> Tensor:
        z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(z * self.turns[None, :, None]).flatten(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x)
        q, k, v = (f(y).view(*y.shape[:2], 3, 4) for f in (self.q, self.k, self.v))
        q, k = self.turned(self.qnorm(q)), self.turned(k)
        weights = torch.einsum("bihd,bjhd->bhij", q, k).div(2.0).softmax(-1)
        a = torch.einsum("bhij,bjhd->bihd", weights, v)
        return self.fc((y + self.o(a.flatten(2))).mean(1))


class Windows(nn.Module):
    """Window attention with a table of relative positions, and a shift by roll."""

    places: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 2, 2)
        self.norm, self.qkv, self.proj = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.table = nn.Parameter(torch.randn(9, 3))
        at = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
        apart = at[:, :, None] - at[:, None, :] + 1
        self.register_buffer("places", apart[0] * 3 + apart[1])
        self.fc = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(x).permute(0, 2, 3, 1)
        b, h, w, c = y.shape
        z = torch.roll(self.norm(y), (-1, -1), (1, 2))
        z = z.view(b, h // 2, 2, w // 2, 2, c).transpose(2, 3).reshape(-1, 4, c)
        q, k, v = self.qkv(z).reshape(-1, 4, 3, 3, 4).permute(2, 0, 3, 1, 4)
        bias = self.table[self.places.view(-1)].view(4, 4, 3).permute(2, 0, 1)
        a = ((q @ k.transpose(-2, -1)) / math.sqrt(4) + bias.unsqueeze(0)).softmax(-1) @ v
        z = self.proj(a.transpose(1, 2).reshape(-1, 4, c))
        z = z.view(b, h // 2, w // 2, 2, 2, c).transpose(2, 3).reshape(b, h, w, c)
        return self.fc((y + torch.roll(z, (1, 1), (1, 2))).mean((1, 2)))


class LowRank(nn.Module):
    """A weight plus a product of two thin ones."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.fc = nn.Linear(7, 10), nn.Linear(10, 5)
        self.a, self.b = nn.Parameter(torch.randn(3, 7)), nn.Parameter(torch.randn(10, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(F.linear(x, self.base.weight + self.b @ self.a, self.base.bias)))


class Normed(nn.Module):
    """A weight with its norm apart, as old weight normalisation writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.v, self.g = nn.Parameter(torch.randn(10, 7)), nn.Parameter(torch.rand(10, 1) + 0.5)
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.g * self.v / self.v.norm(dim=1, keepdim=True)
        return self.fc(torch.relu(x @ weight.t()))


class Autoencoder(nn.Module):
    """Tied the other way round: the decoder is the transposed encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(10, 7)), nn.Parameter(torch.randn(10))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(torch.relu(F.linear(x, self.weight, self.bias)), self.weight.t())


class TwoInputs(nn.Module):
    """A table of categories and a row of numbers; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.numbers = nn.Embedding(TOKENS, 4), nn.Linear(6, 8)
        self.hidden = nn.Linear(12, 10)
        self.left, self.right = nn.Linear(10, 3), nn.Linear(10, 2)

    def forward(self, x: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.cat([self.embed(x).mean(1), torch.relu(self.numbers(n))], -1)
        y = torch.relu(self.hidden(y))
        return self.left(y), self.right(y)


class Unused(nn.Module):
    """A layer that forward never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.spare, self.fc2 = nn.Linear(7, 9), nn.Linear(9, 9), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(torch.relu(self.fc1(x)))


class LongPositions(nn.Module):
    """A table of positions longer than the traced input."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.pos = nn.Linear(7, 9), nn.Parameter(torch.randn(1, 16, 9))
        self.fc = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.embed(x) + self.pos[:, : x.shape[1]]).mean(1))


class RunningSum(nn.Module):
    """A running sum over the units of one layer; the others are free."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(7, 9), nn.Linear(9, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.fc1(x)).cumsum(-1)
        return self.fc3(torch.relu(self.fc2(y)))


class Stacked(nn.Module):
    """Two branches stacked and combined with learned weights."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.share = nn.Linear(7, 9), nn.Linear(7, 9), nn.Parameter(torch.randn(2))
        self.fc = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.stack([torch.relu(self.a(x)), torch.tanh(self.b(x))], dim=1)
        return self.fc((y * self.share.softmax(0)[:, None]).sum(1))


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


class DataDependent(nn.Module):
    """Which layer runs depends on the data: no graph."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(7, 9), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc1(x)
        return self.fc2(torch.relu(y) if bool(y.sum() > 0) else torch.tanh(y))


def rows(*shape: int) -> Tensor:
    return images(2, *shape)


MORE: dict[str, Member] = {
    "bottleneck_inplace": ready(BottleneckNet, images),
    "resnet_padded_shortcut": ready(PaddedShortcut, images),
    "preact_groupnorm": ready(PreactGroupNorm, images),
    "convnext": ready(ConvNeXt, images),
    "squeeze_excite": ready(SqueezeExcite, images),
    "shufflenet": ready(ShuffleNet, images),
    "hand_gru": ready(HandGRU, lambda: rows(4, 7)),
    "cells": ready(Cell, lambda: rows(4, 7)),
    "lstm_learned_start": ready(LearnedStart, lambda: rows(4, 7)),
    "bigru_last_state": ready(LastState, lambda: rows(4, 7)),
    "masked_attention": ready(MaskedAttention, lambda: rows(4, 7)),
    "mixed_heads": ready(MixedHeads, lambda: rows(7)),
    "cross_attention": ready(CrossAttention, lambda: rows(4, 7), lambda: rows(5, 6)),
    "interleaved_qkv": ready(Interleaved, tokens),
    "fused_heads_gqa": ready(FusedHeads, tokens),
    "complex_rotary": ready(ComplexRotary, tokens),
    "window_attention": ready(Windows, images),
    "low_rank": ready(LowRank, lambda: rows(7)),
    "weight_norm": ready(Normed, lambda: rows(7)),
    "tied_autoencoder": ready(Autoencoder, lambda: rows(7)),
    "two_inputs": ready(TwoInputs, tokens, lambda: rows(6)),
    "unused_layer": ready(Unused, lambda: rows(7)),
    "long_positions": ready(LongPositions, lambda: rows(4, 7)),
    "running_sum": ready(RunningSum, lambda: rows(7)),
    "stacked_branches": ready(Stacked, lambda: rows(7)),
    "decoder": ready(Decoder, lambda: rows(7)),
}
"""Traceable members."""

ALL: dict[str, Member] = {**ZOO, **MORE}


@cache
def member(name: str) -> Network:
    """A network of the zoo, made and traced once for all tests."""
    return network(*ALL[name]())


untraceable = ready(DataDependent, lambda: rows(7))
