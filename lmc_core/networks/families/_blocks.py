"""Blocks of attention and feed-forward, as transformers stack them."""

from __future__ import annotations

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.networks.families._layers import ACTIVATIONS


class BlockOptions(Protocol):
    """What a block needs to know of the options of its family; feedforward 0 = four times the width."""

    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def feedforward(self) -> int: ...
    @property
    def norm_first(self) -> bool: ...
    @property
    def qkv(self) -> str: ...
    @property
    def qkv_bias(self) -> bool: ...
    @property
    def bias(self) -> bool: ...
    @property
    def activation(self) -> str: ...
    @property
    def eps(self) -> float: ...


class Attention(nn.Module):
    """Multi-head self-attention, (b, steps, width) → same; a packed qkv is ordered q, k, v, then head by head.

    causal   no step looks at later ones
    """

    def __init__(self, o: BlockOptions, causal: bool = False):
        super().__init__()
        self.causal = causal
        self.heads = o.heads
        self.packed = o.qkv == "packed"
        if self.packed:
            self.qkv = nn.Linear(o.width, 3 * o.width, bias=o.qkv_bias)
        else:
            self.q = nn.Linear(o.width, o.width, bias=o.qkv_bias)
            self.k = nn.Linear(o.width, o.width, bias=o.qkv_bias)
            self.v = nn.Linear(o.width, o.width, bias=o.qkv_bias)
        self.proj = nn.Linear(o.width, o.width, bias=o.bias)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).chunk(3, dim=-1) if self.packed else (self.q(x), self.k(x), self.v(x))
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers with an activation between."""

    def __init__(self, o: BlockOptions):
        super().__init__()
        hidden = o.feedforward or 4 * o.width
        self.fc1 = nn.Linear(o.width, hidden, bias=o.bias)
        self.fc2 = nn.Linear(hidden, o.width, bias=o.bias)
        self.activation = ACTIVATIONS[o.activation]

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.activation(self.fc1(x)))


class Block(nn.Module):
    """Attention and feed-forward, each added to the stream; norms before (Xiong 2020) or after (Vaswani 2017)."""

    def __init__(self, o: BlockOptions, causal: bool = False):
        super().__init__()
        self.norm1 = nn.LayerNorm(o.width, eps=o.eps)
        self.attn = Attention(o, causal)
        self.norm2 = nn.LayerNorm(o.width, eps=o.eps)
        self.mlp = FeedForward(o)
        self.norm_first = o.norm_first

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            x = x + self.attn(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attn(x))
        return self.norm2(x + self.mlp(x))
