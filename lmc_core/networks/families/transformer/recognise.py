"""Transformer encoders, from the block whose shapes repeat: attention on a stream, then a wider layer and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from typing import Any

from lmc_core.networks.families._parts import (
    Match,
    NotThis,
    Part,
    Shape,
    assumed_activation,
    of_kind,
    parts,
    same_bias,
)
from lmc_core.networks.families._stack import is_table, other_heads, stack, usual_heads
from lmc_core.networks.values import Assumption


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """Patches, steps or tokens, then equal blocks, then one linear layer. Raises NotThis."""
    layers = parts(shapes)
    found = stack(layers)
    width, renames = found.width, found.renames
    options: dict[str, Any] = found.options
    entry, head, norms, loose = _surroundings(found.outside, width)
    options["bias"] = same_bias([*found.linear, head], "linear layers")
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
    torch_layer = any("linear1" in part.key for part in found.linear)
    options["norm_first"] = bool(norms)
    options["activation"] = "relu" if torch_layer else "gelu"
    options["heads"] = usual_heads(width)
    options["eps"] = 1e-6 if any("qkv" in part.key or "encoder_layer" in part.key for part in layers) else 1e-5
    return Match(options | dict(given), renames, tuple(_assumed(options)))


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Names of attention, or a class token."""
    words = " ".join(shapes).lower()
    token = any(shape[:2] == (1, 1) and len(shape) == 3 for shape in shapes.values())
    return 9 if "attn" in words or "attention" in words or token else 0


def _surroundings(outside: Sequence[Part], d: int) -> tuple[list[Part], Part, list[Part], list[Part]]:
    """Entry (patch convolution, linear layer or embedding tables), head, norms and loose tensors outside the blocks."""
    norms, loose = of_kind(outside, "norm"), of_kind(outside, "loose")
    if len(norms) > 2 or any(norm.shape != (d,) or set(norm.names) != {"weight", "bias"} for norm in norms):
        raise NotThis(f"outside its blocks it has {len(norms)} norms that do not fit a stream of {d}")
    matrices = [part for part in outside if part.kind in ("linear", "conv")]
    heads = [part for part in matrices if part.kind == "linear" and part.reads == d and not is_table(part)]
    if not heads:
        raise NotThis(f"no linear layer reads the stream of {d} to tell classes apart")
    head = heads[-1]
    early = r"embed|pre|emb|ln_?0"
    norms.sort(key=lambda norm: 0 if re.search(early, norm.key, re.IGNORECASE) else 1)
    return [part for part in matrices if part is not head], head, norms, loose


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


def _assumed(options: Mapping[str, Any]) -> Iterator[Assumption]:
    yield Assumption("heads", options["heads"], "the number of heads has no tensors", other_heads(options))
    yield assumed_activation(options["activation"])
    has = "a final norm usually goes" if options["norm_first"] else "no final norm usually goes"
    where = "norms before attention" if options["norm_first"] else "norms after the sums"
    yield Assumption("norm_first", options["norm_first"], f"{has} with {where}")
    yield Assumption("eps", options["eps"], "the number added to the variance has no tensor")
    if options["token"] == "class" and options["positions"] == "learned":
        yield Assumption("token", "class", "the class token is read at the end, and stands first")
    if options["positions"] == "none":
        yield Assumption("input_shape", options["input_shape"], "without position vectors the length is not known")
