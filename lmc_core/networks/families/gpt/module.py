"""Causal transformers as language models (Radford 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmc_core.errors import SettingError
from lmc_core.networks.families._blocks import Block
from lmc_core.networks.families._layers import ACTIVATIONS
from lmc_core.networks.families._options import DEEPEST, option

_SPREAD = 0.02
"""Standard deviation of every weight at the start (Radford 2018, section 4.1)."""


@dataclass(frozen=True)
class Options:
    """Tokens and their positions → blocks of causal attention and feed-forward → logits of the next token at each."""

    width: int = option("size of the residual stream")
    depth: int = option("number of blocks", 2, high=DEEPEST)
    heads: int = option("attention heads", 4)
    feedforward: int = option("hidden width of the feed-forward part; 0 = four times the width", 0, low=0)
    vocabulary: int = option("number of tokens", 96)
    input_shape: tuple[int, ...] = option("tokens that are read at once", (64,))
    flat_positions: bool = option("position vectors are kept as (steps, width), not (1, steps, width)", True)
    norm_first: bool = option("LayerNorm before attention and feed-forward, not after the sum", True)
    final_norm: bool = option("LayerNorm before the head", True)
    qkv: str = option("one matrix for query, key and value, or three", "packed", choices=("packed", "separate"))
    qkv_bias: bool = option("biases of query, key and value", True)
    bias: bool = option("biases of all other linear layers of the blocks", True)
    head_bias: bool = option("bias of the head", False)
    activation: str = option("in the feed-forward part", "gelu", choices=tuple(ACTIVATIONS))
    eps: float = option("added to the variance in every LayerNorm", 1e-5)


class GPT(nn.Module):
    """x (b, steps) tokens → logits (b, steps, vocabulary): embed, pos_embed, blocks.0.norm1 …, norm, head.

    Embedding and head are two tensors. Weights start normal with deviation 0.02, biases at zero.
    """

    def __init__(self, o: Options):
        super().__init__()
        if o.width % o.heads:
            raise SettingError(f"heads={o.heads} does not divide width={o.width}; choose a divisor")
        if len(o.input_shape) != 1:
            raise SettingError(f"input_shape={o.input_shape} must have 1 number, the tokens that are read at once")
        self.embed = nn.Embedding(o.vocabulary, o.width)
        vectors = torch.zeros(1, *o.input_shape, o.width)
        self.pos_embed = nn.Parameter(vectors[0] if o.flat_positions else vectors)
        self.blocks = nn.ModuleList(Block(o, causal=True) for _ in range(o.depth))
        self.norm = nn.LayerNorm(o.width, eps=o.eps) if o.final_norm else nn.Identity()
        self.head = nn.Linear(o.width, o.vocabulary, bias=o.head_bias)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=_SPREAD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def example(o: Options) -> tuple[tuple[int, ...], int]:
    """Shape of one example, and of how many tokens it chooses."""
    return o.input_shape, o.vocabulary
