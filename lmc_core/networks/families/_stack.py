"""Blocks of attention on a stream, then a wider layer and back, found among tensors by the shapes that repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmc_core.networks.families._parts import NotThis, Part, natural, of_kind, same_bias


@dataclass(frozen=True)
class Block:
    """The layers of one block by their role: qkv (one or three), proj, fc1, fc2, norm1, norm2."""

    qkv: tuple[Part, ...]
    proj: Part
    fc1: Part
    fc2: Part
    norms: tuple[Part, Part]

    def renamed(self, i: int) -> dict[str, str]:
        ours = ("qkv",) if len(self.qkv) == 1 else ("q", "k", "v")
        renames: dict[str, str] = {}
        named = [(part, f"attn.{name}") for part, name in zip(self.qkv, ours, strict=True)]
        named += [(self.proj, "attn.proj"), (self.fc1, "mlp.fc1"), (self.fc2, "mlp.fc2")]
        named += [(norm, f"norm{n}") for n, norm in enumerate(self.norms, 1)]
        for part, name in named:
            renames |= part.renamed(f"blocks.{i}.{name}")
        return renames


@dataclass(frozen=True)
class Stack:
    """Equal blocks on a stream of `width`, and the layers outside them."""

    width: int
    blocks: tuple[Block, ...]
    outside: tuple[Part, ...]

    @property
    def linear(self) -> list[Part]:
        """Of all blocks but query, key and value."""
        return [part for b in self.blocks for part in (b.proj, b.fc1, b.fc2)]

    @property
    def options(self) -> dict[str, Any]:
        """What the blocks tell. Raises NotThis where some have biases and some have none."""
        return {
            "width": self.width,
            "depth": len(self.blocks),
            "feedforward": self.blocks[0].fc1.out,
            "qkv": "packed" if len(self.blocks[0].qkv) == 1 else "separate",
            "qkv_bias": same_bias([part for b in self.blocks for part in b.qkv], "query, key and value layers"),
        }

    @property
    def renames(self) -> dict[str, str]:
        """Their tensor → ours, of the blocks."""
        return {theirs: ours for i, b in enumerate(self.blocks) for theirs, ours in b.renamed(i).items()}


def stack(layers: Sequence[Part]) -> Stack:
    """The blocks among all layers. Raises NotThis."""
    stacks, outside = _stacks(layers)
    width = _stream(stacks[0])
    return Stack(width, tuple(_block(layers, width) for layers in stacks), tuple(outside))


def _stacks(layers: Sequence[Part]) -> tuple[list[list[Part]], list[Part]]:
    """The layers of each block, and those outside: blocks are numbered, equal in shape, and the largest such family."""
    families: dict[str, dict[int, list[Part]]] = {}
    for layer in layers:
        if number := re.search(r"[0-9]{1,6}", layer.key):
            families.setdefault(layer.key[: number.start()], {}).setdefault(int(number.group()), []).append(layer)
    for prefix, members in sorted(families.items(), key=lambda item: -sum(map(len, item[1].values()))):
        found = [members[i] for i in sorted(members)]
        shapes = [sorted((part.kind, part.shape) for part in stack) for stack in found]
        if len(found[0]) >= 6 and all(s == shapes[0] for s in shapes):
            inside = {id(part) for stack in found for part in stack}
            return found, [layer for layer in layers if id(layer) not in inside]
        raise NotThis(f"the layers {prefix}0, {prefix}1, … are not equal blocks of attention and feed-forward")
    raise NotThis("no numbered blocks repeat")


def _stream(stack: Sequence[Part]) -> int:
    """Width of the residual stream: that of the block's norms."""
    widths = {norm.shape[0] for norm in of_kind(stack, "norm")}
    if len(widths) != 1:
        raise NotThis(f"the norms of a block have widths {sorted(widths)}")
    return widths.pop()


def _block(stack: Sequence[Part], d: int) -> Block:
    """Roles by shape; equal shapes by what their names hint at, else by order, attention first. Raises NotThis."""
    linear, norms = of_kind(stack, "linear"), of_kind(stack, "norm")
    if len(norms) != 2 or len(linear) + 2 != len(stack) or any(set(n.names) != {"weight", "bias"} for n in norms):
        raise NotThis(f"a block has {len(linear)} linear layers and {len(norms)} LayerNorms, not 4 or 6 and 2")
    if len(linear) not in (4, 6):
        raise NotThis(f"a block has {len(linear)} linear layers, not 4 (query, key and value packed) or 6")
    feed: tuple[Part, ...] | None = _hinted(
        linear, r"mlp|ffn?|fc\d|linear\d|feed|intermediate|(?<!attention\.)output\.dense", 2
    )
    if feed is None or feed[0].out != feed[1].reads or feed[0].reads != d or feed[1].out != d:
        feed = _feed_by_shape(linear, d)
    attention = [part for part in linear if part not in feed]
    if len(attention) == 2:
        packed = [part for part in attention if part.shape == (3 * d, d)]
        proj = [part for part in attention if part.shape == (d, d)]
        if not packed or not proj:
            raise NotThis(f"its attention has matrices {[part.shape for part in attention]} on a stream of {d}")
        return Block((packed[0],), proj[0], feed[0], feed[1], _norms(norms))
    if any(part.shape != (d, d) for part in attention):
        raise NotThis(f"its attention has matrices {[part.shape for part in attention]} on a stream of {d}")
    q, k, v, o = _qkvo(attention)
    return Block((q, k, v), o, feed[0], feed[1], _norms(norms))


def _feed_by_shape(linear: Sequence[Part], d: int) -> tuple[Part, Part]:
    """The last pair (f, d), (d, f)."""
    for down in reversed(linear):
        for up in reversed(linear):
            if up is not down and up.reads == d and down.shape == (d, up.out) and linear.index(up) < linear.index(down):
                return up, down
    raise NotThis("a block has no pair of layers to a wider space and back")


def _hinted(layers: Sequence[Part], pattern: str, count: int) -> tuple[Part, ...] | None:
    """The layers whose names match, in natural order, if they are so many."""
    found = sorted((p for p in layers if re.search(pattern, p.key, re.IGNORECASE)), key=lambda p: natural(p.key))
    if len(found) != count:
        return None
    return tuple(found) if found[0].reads <= found[-1].reads else tuple(reversed(found))


def _qkvo(attention: Sequence[Part]) -> list[Part]:
    """Query, key, value, output by their names' hints, else in the order listed."""
    patterns = (r"(^|[._])(q|query|to_q|wq)", r"(^|[._])(k|key|to_k|wk)", r"(^|[._])(v|value|to_v|wv)")
    named = []
    for pattern in patterns:
        match = [part for part in attention if re.search(pattern, _tail(part.key), re.IGNORECASE)]
        if len(match) != 1:
            return list(attention)
        named.append(match[0])
    return [*named, *(part for part in attention if part not in named)]


def _tail(key: str) -> str:
    return "." + key.rsplit(".", 1)[-1]


def _norms(norms: Sequence[Part]) -> tuple[Part, Part]:
    """Attention's, then feed-forward's: by the words before and after, else as numbered or listed."""
    first, second = norms
    if "after" in first.key and "before" in second.key:
        return second, first
    return (first, second)


def is_table(part: Part) -> bool:
    """A name that says embedding or position: such a matrix is looked up in and not multiplied with."""
    return "bias" not in part.names and bool(re.search(r"emb|pos|wte|wpe|token", part.key, re.IGNORECASE))


def usual_heads(d: int) -> int:
    """Heads of 64 where the width allows two or more, else four, else what divides."""
    return d // 64 if d % 64 == 0 and d >= 128 else next(h for h in (4, 3, 2, 1) if d % h == 0)


def other_heads(options: Mapping[str, Any]) -> tuple[int, ...]:
    """Other numbers of heads that divide the width and leave each at least four numbers."""
    width = options["width"]
    return tuple(h for h in (1, 2, 3, 4, 6, 8, 12, 16) if width % h == 0 and width // h >= 4 and h != options["heads"])
