"""Transformer encoders, from the block whose shapes repeat: attention on a stream, then a wider layer and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from lmc_core.networks.families._parts import (
    Match,
    NotThis,
    Part,
    Shape,
    assumed_activation,
    natural,
    of_kind,
    parts,
    same_bias,
)
from lmc_core.networks.values import Assumption


@dataclass(frozen=True)
class _Block:
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


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """Patches, steps or tokens, then equal blocks, then one linear layer. Raises NotThis."""
    layers = parts(shapes)
    stacks, outside = _stacks(layers)
    width = _stream(stacks[0])
    blocks = [_block(stack, width) for stack in stacks]
    feedforward = blocks[0].fc1.out
    everything = [part for b in blocks for part in (b.proj, b.fc1, b.fc2)]
    options: dict[str, Any] = {
        "width": width,
        "depth": len(blocks),
        "feedforward": feedforward,
        "qkv": "packed" if len(blocks[0].qkv) == 1 else "separate",
        "qkv_bias": same_bias([part for b in blocks for part in b.qkv], "query, key and value layers"),
    }
    renames: dict[str, str] = {}
    for i, block in enumerate(blocks):
        renames |= block.renamed(i)
    entry, head, norms, loose = _surroundings(outside, width)
    options["bias"] = same_bias([*everything, head], "linear layers")
    options["classes"] = head.out
    renames |= head.renamed("head")
    options |= _token(loose, width, renames)
    options |= _entered(entry, loose, options, renames)
    if len(norms) == 2:
        options["embed_norm"] = True
        renames |= norms[0].renamed("embed_norm")
    after_mean = bool(norms) and "fc_norm" in norms[-1].key
    options["final_norm"] = "none" if not norms else "read" if after_mean else "steps"
    if norms:
        renames |= norms[-1].renamed("norm")
    torch_layer = any("linear1" in part.key for part in everything)
    options["norm_first"] = bool(norms)
    options["activation"] = "relu" if torch_layer else "gelu"
    options["heads"] = _heads(width)
    options["eps"] = 1e-6 if any("qkv" in part.key or "encoder_layer" in part.key for part in layers) else 1e-5
    return Match(options | dict(given), renames, tuple(_assumed(options)))


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Names of attention, or a class token."""
    words = " ".join(shapes).lower()
    token = any(shape[:2] == (1, 1) and len(shape) == 3 for shape in shapes.values())
    return 9 if "attn" in words or "attention" in words or token else 0


def _stacks(layers: Sequence[Part]) -> tuple[list[list[Part]], list[Part]]:
    """The layers of each block, and those outside: blocks are numbered, equal in shape, and the largest such family."""
    families: dict[str, dict[int, list[Part]]] = {}
    for layer in layers:
        if found := re.search(r"[0-9]{1,6}", layer.key):
            families.setdefault(layer.key[: found.start()], {}).setdefault(int(found.group()), []).append(layer)
    for prefix, members in sorted(families.items(), key=lambda item: -sum(map(len, item[1].values()))):
        stacks = [members[i] for i in sorted(members)]
        shapes = [sorted((part.kind, part.shape) for part in stack) for stack in stacks]
        if len(stacks[0]) >= 6 and all(s == shapes[0] for s in shapes):
            inside = {id(part) for stack in stacks for part in stack}
            return stacks, [layer for layer in layers if id(layer) not in inside]
        raise NotThis(f"the layers {prefix}0, {prefix}1, … are not equal blocks of attention and feed-forward")
    raise NotThis("no numbered blocks repeat")


def _stream(stack: Sequence[Part]) -> int:
    """Width of the residual stream: that of the block's norms."""
    widths = {norm.shape[0] for norm in of_kind(stack, "norm")}
    if len(widths) != 1:
        raise NotThis(f"the norms of a block have widths {sorted(widths)}")
    return widths.pop()


def _block(stack: Sequence[Part], d: int) -> _Block:
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
        return _Block((packed[0],), proj[0], feed[0], feed[1], _norms(norms))
    if any(part.shape != (d, d) for part in attention):
        raise NotThis(f"its attention has matrices {[part.shape for part in attention]} on a stream of {d}")
    q, k, v, o = _qkvo(attention)
    return _Block((q, k, v), o, feed[0], feed[1], _norms(norms))


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


def _surroundings(outside: Sequence[Part], d: int) -> tuple[list[Part], Part, list[Part], list[Part]]:
    """Entry (patch convolution, linear layer or embedding tables), head, norms and loose tensors outside the blocks."""
    norms, loose = of_kind(outside, "norm"), of_kind(outside, "loose")
    if len(norms) > 2 or any(norm.shape != (d,) or set(norm.names) != {"weight", "bias"} for norm in norms):
        raise NotThis(f"outside its blocks it has {len(norms)} norms that do not fit a stream of {d}")
    matrices = [part for part in outside if part.kind in ("linear", "conv")]
    heads = [part for part in matrices if part.kind == "linear" and part.reads == d and not _is_table(part)]
    if not heads:
        raise NotThis(f"no linear layer reads the stream of {d} to tell classes apart")
    head = heads[-1]
    early = r"embed|pre|emb|ln_?0"
    norms.sort(key=lambda norm: 0 if re.search(early, norm.key, re.IGNORECASE) else 1)
    return [part for part in matrices if part is not head], head, norms, loose


def _is_table(part: Part) -> bool:
    """A name that says embedding or position: such a matrix is looked up in and not multiplied with."""
    return "bias" not in part.names and bool(re.search(r"emb|pos|wte|wpe|token", part.key, re.IGNORECASE))


def _token(loose: list[Part], d: int, renames: dict[str, str]) -> dict[str, Any]:
    """A class token is a loose (1, 1, d)."""
    found = [part for part in loose if part.shape == (1, 1, d)]
    if len(found) > 1:
        raise NotThis(f"it has {len(found)} learned tokens")
    for part in found:
        renames[part.names["weight"]] = "cls_token"
        loose.remove(part)
    return {"token": "class" if found else "mean"}


def _entered(
    entry: Sequence[Part], loose: Sequence[Part], options: Mapping[str, Any], renames: dict[str, str]
) -> dict[str, Any]:
    """Options that say what is read and which positions are known. Raises NotThis."""
    d = options["width"]
    convs = of_kind(entry, "conv")
    tables = [part for part in entry if part.kind == "linear" and part.reads == d and "bias" not in part.names]
    lines = [part for part in entry if part.kind == "linear" and part not in tables]
    positions = [part for part in loose if len(part.shape) == 3 and part.shape[0] == 1 and part.shape[2] == d]
    flat = [part for part in tables if re.search(r"pos|wpe", part.key, re.IGNORECASE)]
    tables = [part for part in tables if part not in flat]
    if len(loose) != len(positions) or len(positions) + len(flat) > 1 or len(convs) + len(lines) + len(tables) != 1:
        raise NotThis("outside its blocks it holds tensors that are no entry, class token, positions or classifier")
    place = (positions + flat)[0] if positions or flat else None
    count = 0 if place is None else place.shape[-2]
    own: dict[str, Any] = {"flat_positions": bool(flat), "positions": "learned" if place else "none"}
    if place:
        renames[place.names["weight"]] = "pos_embed"
    extra = int(options["token"] == "class")
    if convs:
        patch = convs[0]
        if patch.shape[2] != patch.shape[3] or patch.out != d:
            raise NotThis(f"its first convolution {patch.shape} makes no square patches for a stream of {d}")
        grid = isqrt(max(count - extra, 0))
        if extra and place and grid * grid != count - extra and isqrt(count) ** 2 == count:
            grid, own["positions"] = isqrt(count), "patches"
        if place and grid * grid != count - (extra if own["positions"] == "learned" else 0):
            raise NotThis(f"its {count} positions are no square image of patches")
        side = (grid or 32 // patch.shape[2] or 1) * patch.shape[2]
        own |= {"input": "patches", "patch": patch.shape[2], "input_shape": [patch.reads, side, side]}
    else:
        steps = count - extra if place else 32
        if lines:
            own |= {"input": "steps", "input_shape": [steps, lines[0].reads]}
        else:
            own |= {"input": "tokens", "input_shape": [steps], "vocabulary": tables[0].out}
    first = (convs + lines + tables)[0]
    own["embed_bias"] = "bias" in first.names
    renames |= first.renamed("embed")
    return own


def _heads(d: int) -> int:
    """Heads of 64 where the width allows two or more, else four, else what divides."""
    return d // 64 if d % 64 == 0 and d >= 128 else next(h for h in (4, 3, 2, 1) if d % h == 0)


def _other_heads(options: Mapping[str, Any]) -> tuple[int, ...]:
    """Other numbers of heads that divide the width and leave each at least four numbers."""
    width = options["width"]
    return tuple(h for h in (1, 2, 3, 4, 6, 8, 12, 16) if width % h == 0 and width // h >= 4 and h != options["heads"])


def _assumed(options: Mapping[str, Any]) -> Iterator[Assumption]:
    yield Assumption("heads", options["heads"], "the number of heads has no tensors", _other_heads(options))
    yield assumed_activation(options["activation"])
    has = "a final norm usually goes" if options["norm_first"] else "no final norm usually goes"
    where = "norms before attention" if options["norm_first"] else "norms after the sums"
    yield Assumption("norm_first", options["norm_first"], f"{has} with {where}")
    yield Assumption("eps", options["eps"], "the number added to the variance has no tensor")
    if options["token"] == "class" and options["positions"] == "learned":
        yield Assumption("token", "class", "the class token is read at the end, and stands first")
    if options["positions"] == "none":
        yield Assumption("input_shape", options["input_shape"], "without position vectors the length is not known")
