"""Small architectures, each with one thing that symmetry inference has to get right."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Member = Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]
Images = (2, 3, 8, 8)
TOKENS, WIDTH, STEPS = 11, 12, 7


def images(*shape: int) -> Tensor:
    return torch.randn(*(shape or Images), dtype=torch.float64)


def tokens() -> Tensor:
    return torch.randint(0, TOKENS, (2, STEPS))


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


class GLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(7, 18), nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.enter(x).chunk(2, dim=-1)
        return self.leave(torch.sigmoid(gate) * value)


class Recurrent(nn.Module):
    """An embedding, a recurrent kernel, the last step read by a linear layer."""

    def __init__(self, kind: type[nn.RNNBase], **options: bool | int) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, 6)
        self.rnn = kind(6, 8, batch_first=True, **options)  # type: ignore[arg-type]
        self.fc = nn.Linear(16 if options.get("bidirectional") else 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(self.embed(x))[0][:, -1])


class HandLSTM(nn.Module):
    """The cell written out, unrolled over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h, self.fc = nn.Linear(7, 32), nn.Linear(8, 32, bias=False), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 8)
        for step in range(x.shape[1]):
            i, f, g, o = (self.x(x[:, step]) + self.h(h)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.fc(h)


class HandGRU(nn.Module):
    """The cell written out; gates taken by slices."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h, self.fc = nn.Linear(7, 24), nn.Linear(8, 24), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[0], 8, dtype=x.dtype)
        for step in range(x.shape[1]):
            a, b = self.x(x[:, step]), self.h(h)
            r = torch.sigmoid(a[:, :8] + b[:, :8])
            z = torch.sigmoid(a[:, 8:16] + b[:, 8:16])
            n = torch.tanh(a[:, 16:] + r * b[:, 16:])
            h = (1 - z) * n + z * h
        return self.fc(h)


class Block(nn.Module):
    """A pre-norm transformer block; attention in one of four styles."""

    def __init__(self, style: str, heads: int = 3) -> None:
        super().__init__()
        self.style, self.heads = style, heads
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 20), nn.Linear(20, WIDTH)

    def attention(self, x: Tensor) -> Tensor:
        b, t, _ = x.shape
        if self.style == "5d":
            q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q, k, v = (z.view(b, t, self.heads, -1).transpose(1, 2) for z in self.qkv(x).split(WIDTH, dim=2))
        if self.style == "manual":
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
            mask = torch.tril(torch.ones(t, t, dtype=torch.bool))
            y = torch.softmax(scores.masked_fill(~mask, float("-inf")), -1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, style: str, tied: bool) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(TOKENS, WIDTH), nn.Embedding(STEPS, WIDTH)
        self.blocks = nn.ModuleList([Block(style) for _ in range(2)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, TOKENS, bias=False)
        if tied:
            self.head.weight = self.wte.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        for block in self.blocks:
            y = block(y)
        return self.head(self.norm(y))


class ViT(nn.Module):
    """Patches, a class token, positions, torch's own encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 4, 4)
        self.cls = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos = nn.Parameter(torch.zeros(1, 5, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 3, 20, batch_first=True, norm_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.fc = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.cls.expand(x.shape[0], -1, -1), y], 1) + self.pos
        return self.fc(self.encoder(y)[:, 0])


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class LlamaBlock(nn.Module):
    """Grouped queries (6 heads, 2 for keys and values), rotary positions, SwiGLU."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.norm1, self.norm2 = RMSNorm(width), RMSNorm(width)
        self.q, self.k, self.v = (nn.Linear(width, n, bias=False) for n in (24, 8, 8))
        self.o = nn.Linear(24, width, bias=False)
        self.gate, self.up = nn.Linear(width, 20, bias=False), nn.Linear(width, 20, bias=False)
        self.down = nn.Linear(20, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        b, t, _ = x.shape
        y = self.norm1(x)
        q, k, v = (f(y).view(b, t, -1, 4).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        k, v = k.repeat_interleave(3, dim=1), v.repeat_interleave(3, dim=1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, -1))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, 24)
        self.block = LlamaBlock()
        self.norm, self.head = RMSNorm(24), nn.Linear(24, TOKENS, bias=False)
        angles = torch.outer(torch.arange(STEPS).double(), torch.tensor([1.0, 0.1]).double()).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.block(self.embed(x), self.cos, self.sin)))


class MixerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(12), nn.LayerNorm(12)
        self.tokens = nn.Sequential(nn.Linear(6, 10), nn.GELU(), nn.Linear(10, 6))
        self.channels = nn.Sequential(nn.Linear(12, 16), nn.GELU(), nn.Linear(16, 12))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 20), nn.ReLU(), nn.Linear(20, 5))


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


def mixer() -> nn.Module:
    return nn.Sequential(nn.Linear(12, 12), MixerBlock(), nn.LayerNorm(12), nn.Linear(12, 5))


def ready(make: Callable[[], nn.Module], *examples: Callable[[], Tensor]) -> Member:
    """A member in float64 and eval mode, every parameter and running statistic random, so that nothing is invariant
    by accident."""

    def member() -> tuple[nn.Module, tuple[Tensor, ...]]:
        torch.manual_seed(7)
        module = make().double().eval()
        with torch.no_grad():
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                if name.endswith("running_var"):
                    tensor.uniform_(0.5, 2.0)
                elif tensor.is_floating_point() and tensor.ndim == 1:
                    tensor.copy_(torch.randn_like(tensor) * 0.3 + (1.0 if "norm" in name else 0.0))
                elif name.endswith(("pos", "cls")):
                    tensor.normal_()
        return module, tuple(example() for example in examples)

    return member


ZOO: dict[str, Member] = {
    "mlp": ready(mlp, lambda: images(2, 48)),
    "vgg_bn_flatten": ready(vgg, images),
    "resnet_bn": ready(lambda: ResNet(nn.BatchNorm2d), images),
    "resnet_groupnorm": ready(lambda: ResNet(group_norm), images),
    "densenet_cat": ready(DenseNet, images),
    "depthwise_grouped": ready(DepthwiseGrouped, images),
    "unet_cat_skip": ready(UNet, images),
    "glu": ready(GLU, lambda: images(2, 7)),
    "lstm2": ready(lambda: Recurrent(nn.LSTM, num_layers=2), tokens),
    "bilstm2": ready(lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True), tokens),
    "gru2": ready(lambda: Recurrent(nn.GRU, num_layers=2), tokens),
    "hand_lstm": ready(HandLSTM, lambda: images(2, 4, 7)),
    "gpt_tied_sdpa": ready(lambda: GPT("split", tied=True), tokens),
    "gpt_untied_manual": ready(lambda: GPT("manual", tied=False), tokens),
    "gpt_fused5d": ready(lambda: GPT("5d", tied=True), tokens),
    "vit_nn_encoder": ready(ViT, images),
    "llama_gqa_rope": ready(Llama, tokens),
    "mixer": ready(mixer, lambda: images(2, 6, 12)),
}
"""The eighteen architectures of the project's reference."""
