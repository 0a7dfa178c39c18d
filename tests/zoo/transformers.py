"""Transformers as public libraries write them, and one with every usual choice left open."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.attention import rotated
from zoo.making import TOKENS, Member, images, ready, tokens

WIDE, HEADS, SIZE = 24, 3, 8
"""Width of the stream, heads, and units of a head."""


class ByHand(nn.Module):
    """RMSNorm with its gain on the left, computed in float32 or more."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        y = x.to(torch.promote_types(x.dtype, torch.float32))
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * y.to(x.dtype)


class OnePlus(nn.Module):
    """RMSNorm with its gain written as one plus a vector, as in Gemma."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        y = x.to(torch.promote_types(x.dtype, torch.float32))
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)
        return (y * (1.0 + self.weight)).type_as(x)


class WithShift(nn.Module):
    """LayerNorm written as two operations after the normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


NORMS = {
    "layer": nn.LayerNorm,
    "layer, no bias": lambda width: nn.LayerNorm(width, bias=False),
    "layer, by hand": WithShift,
    "rms": nn.RMSNorm,
    "rms, by hand": ByHand,
    "rms, one plus": OnePlus,
}


@dataclass(frozen=True)
class Choice:
    norm: str = "layer"
    bias: bool = True
    tied: bool = False
    kv: int = HEADS
    post: bool = False
    fused: bool = False
    mha: bool = False
    act: str = "gelu"
    by_hand: bool = False


class Attention(nn.Module):
    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice
        kv = choice.kv * SIZE
        if choice.fused:
            self.qkv = nn.Linear(WIDE, WIDE + 2 * kv, bias=choice.bias)
        else:
            self.q = nn.Linear(WIDE, WIDE, bias=choice.bias)
            self.k, self.v = (nn.Linear(WIDE, kv, bias=choice.bias) for _ in range(2))
        self.o = nn.Linear(WIDE, WIDE, bias=choice.bias)

    def forward(self, x: Tensor) -> Tensor:
        kv, rep = self.choice.kv, HEADS // self.choice.kv
        if self.choice.fused:
            q, k, v = self.qkv(x).split([WIDE, kv * SIZE, kv * SIZE], -1)
        else:
            q, k, v = self.q(x), self.k(x), self.v(x)
        q, k, v = (z.unflatten(-1, (-1, SIZE)).transpose(1, 2) for z in (q, k, v))
        if rep > 1:
            k, v = (z[:, :, None].expand(-1, -1, rep, -1, -1).flatten(1, 2) for z in (k, v))
        if self.choice.by_hand:
            mask = torch.full((x.shape[1], x.shape[1]), float("-inf"), dtype=x.dtype).triu(1)
            y = F.dropout((q @ (k / 2).mT * SIZE**-0.5 + mask).softmax(-1), 0.1, self.training) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice
        self.norm1, self.norm2 = NORMS[choice.norm](WIDE), NORMS[choice.norm](WIDE)
        self.attend: nn.Module = (
            nn.MultiheadAttention(WIDE, HEADS, bias=choice.bias, batch_first=True) if choice.mha else Attention(choice)
        )
        self.up, self.down = nn.Linear(WIDE, 20, bias=choice.bias), nn.Linear(20, WIDE, bias=choice.bias)

    def attention(self, x: Tensor) -> Tensor:
        return self.attend(x, x, x)[0] if self.choice.mha else self.attend(x)

    def forward(self, x: Tensor) -> Tensor:
        act = getattr(F, self.choice.act)
        if self.choice.post:
            x = self.norm1(x + self.attention(x))
            return self.norm2(x + self.down(act(self.up(x))))
        x = x + self.attention(self.norm1(x))
        return x + self.down(act(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """A language model of two blocks, with one choice of everything."""

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.embed, self.places = nn.Embedding(TOKENS, WIDE), nn.Parameter(torch.randn(1, 16, WIDE))
        self.blocks = nn.ModuleList([Block(choice) for _ in range(2)])
        self.norm = nn.Identity() if choice.post else NORMS[choice.norm](WIDE)
        self.head = nn.Linear(WIDE, TOKENS, bias=choice.bias)
        if choice.tied:
            self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x) + self.places[:, : x.shape[1]]
        for block in self.blocks:
            y = block(y)
        return self.head(self.norm(y))


class Conv1D(nn.Module):
    """A linear layer with its weight the other way round."""

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(narrow, wide) * 0.2), nn.Parameter(torch.zeros(wide))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


class GPT2Block(nn.Module):
    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDE), nn.LayerNorm(WIDE)
        self.c_attn, self.c_proj = Conv1D(3 * WIDE, WIDE), Conv1D(WIDE, WIDE)
        self.c_fc, self.c_out = Conv1D(4 * WIDE, WIDE), Conv1D(WIDE, 4 * WIDE)
        self.register_buffer("mask", torch.ones(16, 16, dtype=torch.bool).tril()[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            z.view(*z.shape[:-1], HEADS, SIZE).permute(0, 2, 1, 3) for z in self.c_attn(self.ln_1(x)).split(WIDE, 2)
        )
        scores = torch.matmul(q, k.transpose(-1, -2)) / torch.full([], SIZE**0.5, dtype=x.dtype)
        low = torch.full([], torch.finfo(x.dtype).min, dtype=x.dtype)
        scores = torch.where(self.mask[:, :, : x.shape[1], : x.shape[1]], scores, low)
        y = torch.matmul(F.dropout(scores.softmax(-1).type(v.dtype), 0.1, self.training), v)
        x = x + self.c_proj(y.permute(0, 2, 1, 3).contiguous().view(x.shape))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    """As Hugging Face writes GPT-2: fused projections by addmm, a head tied to the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(TOKENS, WIDE), nn.Embedding(16, WIDE)
        self.h, self.ln_f = nn.ModuleList([GPT2Block() for _ in range(2)]), nn.LayerNorm(WIDE)
        self.lm_head = nn.Linear(WIDE, TOKENS, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.wte(x) + self.wpe(torch.arange(x.shape[1])[None])
        for block in self.h:
            y = block(y)
        return self.lm_head(self.ln_f(y))


class LlamaLayer(nn.Module):
    def __init__(self, biased: bool) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = ByHand(WIDE), ByHand(WIDE)
        self.q_proj = nn.Linear(WIDE, WIDE, bias=biased)
        self.k_proj, self.v_proj = nn.Linear(WIDE, SIZE, bias=biased), nn.Linear(WIDE, SIZE, bias=biased)
        self.o_proj = nn.Linear(WIDE, WIDE, bias=False)
        self.gate_proj, self.up_proj = nn.Linear(WIDE, 20, bias=False), nn.Linear(WIDE, 20, bias=False)
        self.down_proj = nn.Linear(20, WIDE, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        y = self.input_layernorm(x)
        q, k, v = (f(y).view(*x.shape[:-1], -1, SIZE).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotated(q, cos[None, None], sin[None, None]), rotated(k, cos[None, None], sin[None, None])
        k, v = (z[:, :, None].expand(-1, -1, HEADS, -1, -1).reshape(x.shape[0], HEADS, -1, SIZE) for z in (k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o_proj(a.transpose(1, 2).contiguous().reshape(x.shape))
        y = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


class LlamaLM(nn.Module):
    """As Hugging Face writes Llama, or, with biases, Qwen2: one head for keys and values, rotary positions, SwiGLU."""

    inv_freq: Tensor

    def __init__(self, tied: bool = False, biased: bool = False) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(TOKENS, WIDE)
        self.layers, self.norm = nn.ModuleList([LlamaLayer(biased) for _ in range(2)]), ByHand(WIDE)
        self.lm_head = nn.Linear(WIDE, TOKENS, bias=False)
        if tied:
            self.lm_head.weight = self.embed_tokens.weight
        self.register_buffer("inv_freq", 10.0 ** -torch.arange(0, SIZE, 2).double().div(SIZE), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.outer(torch.arange(x.shape[1], dtype=self.inv_freq.dtype), self.inv_freq)
        angles = torch.cat([angles, angles], -1)
        y = self.embed_tokens(x)
        for layer in self.layers:
            y = layer(y, angles.cos(), angles.sin())
        return self.lm_head(self.norm(y))


class BertLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.dense = (nn.Linear(WIDE, WIDE) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(WIDE, eps=1e-12), nn.LayerNorm(WIDE, eps=1e-12)
        self.intermediate, self.output = nn.Linear(WIDE, 20), nn.Linear(20, WIDE)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (f(x).view(*x.shape[:2], HEADS, SIZE).permute(0, 2, 1, 3) for f in (self.query, self.key, self.value))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(SIZE) + mask
        y = torch.matmul(F.dropout(F.softmax(scores, dim=-1), 0.1, self.training), v).permute(0, 2, 1, 3).contiguous()
        x = self.norm1(self.dense(y.view(x.shape)) + x)
        return self.norm2(self.output(F.gelu(self.intermediate(x))) + x)


class Bert(nn.Module):
    """As Hugging Face writes BERT: normalised after each sum, an additive mask, a tied head with a bias of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.position, self.kind = nn.Embedding(TOKENS, WIDE), nn.Embedding(16, WIDE), nn.Embedding(2, WIDE)
        self.norm = nn.LayerNorm(WIDE, eps=1e-12)
        self.layers = nn.ModuleList([BertLayer() for _ in range(2)])
        self.transform, self.transform_norm = nn.Linear(WIDE, WIDE), nn.LayerNorm(WIDE, eps=1e-12)
        self.decoder = nn.Linear(WIDE, TOKENS)
        self.decoder.weight = self.word.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.word(x) + self.kind(torch.zeros_like(x)) + self.position(torch.arange(x.shape[1])[None])
        y = self.norm(y)
        mask = (1.0 - (x != 0).to(y.dtype))[:, None, None] * -1e4
        for layer in self.layers:
            y = layer(y, mask)
        return self.decoder(self.transform_norm(F.gelu(self.transform(y))))


class ViTLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.dense = (nn.Linear(WIDE, WIDE) for _ in range(4))
        self.before, self.after = nn.LayerNorm(WIDE, eps=1e-12), nn.LayerNorm(WIDE, eps=1e-12)
        self.intermediate, self.output = nn.Linear(WIDE, 20), nn.Linear(20, WIDE)

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        q, k, v = (f(y).view(*x.shape[:2], HEADS, SIZE).transpose(1, 2) for f in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = self.dense(y) + x
        return self.output(F.gelu(self.intermediate(self.after(x)))) + x


class PatchViT(nn.Module):
    """As Hugging Face writes ViT: patches by a convolution, a class token, positions."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, WIDE, 4, 4)
        self.cls_token, self.position_embeddings = (nn.Parameter(torch.randn(1, n, WIDE)) for n in (1, 5))
        self.layers, self.layernorm = nn.ModuleList([ViTLayer() for _ in range(2)]), nn.LayerNorm(WIDE, eps=1e-12)
        self.classifier = nn.Linear(WIDE, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.projection(x).flatten(2).transpose(1, 2)
        y = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), y), 1) + self.position_embeddings
        for layer in self.layers:
            y = layer(y)
        return self.classifier(self.layernorm(y)[:, 0])


CHOICES: dict[str, Choice] = {
    "pre-norm": Choice(),
    "no biases": Choice(norm="layer, no bias", bias=False),
    "shift without bias behind": Choice(bias=False),
    "LayerNorm by hand": Choice(norm="layer, by hand", by_hand=True),
    "tied": Choice(tied=True),
    "RMSNorm": Choice(norm="rms"),
    "RMSNorm, no biases": Choice(norm="rms, by hand", bias=False),
    "RMSNorm, tied": Choice(norm="rms", tied=True, bias=False),
    "RMSNorm, one plus": Choice(norm="rms, one plus", bias=False),
    "multi-query": Choice(norm="rms", kv=1),
    "multi-query, fused": Choice(kv=1, fused=True, by_hand=True),
    "fused": Choice(fused=True, act="relu"),
    "post-norm": Choice(post=True),
    "MultiheadAttention": Choice(mha=True),
    "MultiheadAttention, post-norm": Choice(mha=True, post=True, norm="rms"),
}

TRANSFORMERS: dict[str, Member] = {
    **{name: ready(lambda choice=choice: Transformer(choice), tokens) for name, choice in CHOICES.items()},
    "GPT-2": ready(GPT2, tokens),
    "Llama": ready(LlamaLM, tokens),
    "Llama, tied": ready(lambda: LlamaLM(tied=True), tokens),
    "Qwen2": ready(lambda: LlamaLM(biased=True), tokens),
    "BERT": ready(Bert, tokens),
    "ViT": ready(PatchViT, images),
}
"""Name → a transformer with random weights."""
