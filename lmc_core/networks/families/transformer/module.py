"""Transformer encoders as classifiers: vision transformers and token encoders."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmc_core.errors import SettingError
from lmc_core.networks.families._blocks import Block
from lmc_core.networks.families._layers import ACTIVATIONS
from lmc_core.networks.families._options import DEEPEST, option


@dataclass(frozen=True)
class Options:
    """Patches of an image, steps of a sequence or tokens → blocks of attention and feed-forward → one linear layer."""

    width: int = option("size of the residual stream")
    depth: int = option("number of blocks", 2, high=DEEPEST)
    heads: int = option("attention heads", 4)
    feedforward: int = option("hidden width of the feed-forward part; 0 = four times the width", 0, low=0)
    classes: int = option("number of classes", 10)
    input: str = option("what is read", "patches", choices=("patches", "steps", "tokens"))
    patch: int = option("side of a square patch", 4)
    input_shape: tuple[int, ...] = option(
        "patches: channels × height × width; steps: steps × features; tokens: steps", (3, 32, 32)
    )
    vocabulary: int = option("number of tokens", 0, low=0)
    embed_bias: bool = option("bias where patches or steps enter", True)
    token: str = option(
        "a learned class token read at the end, or the mean over all", "class", choices=("class", "mean")
    )
    positions: str = option(
        "learned position vectors: for all, for all but the class token, or none",
        "learned",
        choices=("learned", "patches", "none"),
    )
    flat_positions: bool = option("position vectors are kept as (steps, width), not (1, steps, width)", False)
    norm_first: bool = option("LayerNorm before attention and feed-forward, not after the sum", True)
    final_norm: str = option(
        "LayerNorm over all steps at the end, over what the classifier reads, or none",
        "steps",
        choices=("steps", "read", "none"),
    )
    embed_norm: bool = option("LayerNorm after the positions were added", False)
    qkv: str = option("one matrix for query, key and value, or three", "packed", choices=("packed", "separate"))
    qkv_bias: bool = option("biases of query, key and value", True)
    bias: bool = option("biases of all other linear layers", True)
    activation: str = option("in the feed-forward part", "gelu", choices=tuple(ACTIVATIONS))
    eps: float = option("added to the variance in every LayerNorm", 1e-5)


class Transformer(nn.Module):
    """x → logits (b, classes): embed, cls_token, pos_embed, blocks.0.norm1 …, norm, head."""

    def __init__(self, o: Options):
        super().__init__()
        if o.width % o.heads:
            raise SettingError(f"heads={o.heads} does not divide width={o.width}; choose a divisor")
        self.embed = _embedding(o)
        if o.token == "class":
            self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, o.width))
        if o.positions != "none":
            count = sequence_length(o) + (o.token == "class" and o.positions == "learned")
            vectors = 0.02 * torch.randn(1, count, o.width)
            self.pos_embed = nn.Parameter(vectors[0] if o.flat_positions else vectors)
        if o.embed_norm:
            self.embed_norm = nn.LayerNorm(o.width, eps=o.eps)
        self.blocks = nn.ModuleList(Block(o) for _ in range(o.depth))
        if o.final_norm != "none":
            self.norm = nn.LayerNorm(o.width, eps=o.eps)
        self.head = nn.Linear(o.width, o.classes, bias=o.bias)
        self.options = o

    def forward(self, x: Tensor) -> Tensor:
        o = self.options
        if o.input == "patches":
            x = self.embed(x.reshape(x.shape[0], *o.input_shape)).flatten(2).transpose(1, 2)
        else:
            x = self.embed(x)
        if o.positions == "patches":
            x = x + self.pos_embed
        if o.token == "class":
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        if o.positions == "learned":
            x = x + self.pos_embed
        x = self.embed_norm(x) if o.embed_norm else x
        for block in self.blocks:
            x = block(x)
        x = self.norm(x) if o.final_norm == "steps" else x
        x = x[:, 0] if o.token == "class" else x.mean(1)
        return self.head(self.norm(x) if o.final_norm == "read" else x)


def sequence_length(o: Options) -> int:
    """Patches, steps or tokens of one example, without the class token. Raises SettingError."""
    if o.input != "patches":
        return o.input_shape[0]
    if len(o.input_shape) != 3 or o.input_shape[1] % o.patch or o.input_shape[2] % o.patch:
        raise SettingError(f"patch={o.patch} does not divide the image {o.input_shape}")
    return (o.input_shape[1] // o.patch) * (o.input_shape[2] // o.patch)


def example(o: Options) -> tuple[tuple[int, ...], int]:
    """Shape of one example, and of how many tokens it chooses; 0 = it is made of numbers."""
    return o.input_shape, o.vocabulary if o.input == "tokens" else 0


def _embedding(o: Options) -> nn.Module:
    dimensions = {"patches": 3, "steps": 2, "tokens": 1}[o.input]
    if len(o.input_shape) != dimensions:
        raise SettingError(f"input_shape={o.input_shape} must have {dimensions} numbers for input={o.input}")
    if o.input == "patches":
        return nn.Conv2d(o.input_shape[0], o.width, o.patch, o.patch, bias=o.embed_bias)
    if o.input == "steps":
        return nn.Linear(o.input_shape[1], o.width, bias=o.embed_bias)
    if o.vocabulary < 1:
        raise SettingError("input=tokens needs vocabulary, the number of tokens")
    return nn.Embedding(o.vocabulary, o.width)
