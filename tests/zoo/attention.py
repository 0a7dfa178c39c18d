"""Networks that attend."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.making import STEPS, TOKENS, WIDTH


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


class LongPositions(nn.Module):
    """A table of positions longer than the traced input."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.pos = nn.Linear(7, 9), nn.Parameter(torch.randn(1, 16, 9))
        self.fc = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.embed(x) + self.pos[:, : x.shape[1]]).mean(1))
