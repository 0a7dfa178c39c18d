"""Residual networks, parsed block by block from the shapes of their convolutions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, zip_longest
from typing import Any, Literal

from lmc_core.errors import RecogniseError
from lmc_core.networks.families._parts import Match, NotThis, Part, Shape, norm_kind, of_kind, orders, parts, same_bias
from lmc_core.networks.values import Assumption


@dataclass(frozen=True)
class _Block:
    """Positions in the list of convolutions."""

    main: tuple[int, ...]
    shortcut: int | None


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """A stem, blocks of two 3×3 (or 1×1, 3×3, 1×1) convolutions with shortcuts, one linear layer.

    Raises NotThis, RecogniseError where names say that norms come before convolutions.
    """
    layers = parts(shapes)
    linear = of_kind(layers, "linear")
    if any(layer.kind == "loose" for layer in layers) or len(linear) != 1:
        raise NotThis(f"a residual network ends in one linear layer; it has {len(linear)}")
    fc = linear[0]
    failure = NotThis("it has too few convolutions")
    for pairs in _pairings(of_kind(layers, "conv"), of_kind(layers, "norm")):
        convs = [conv for conv, _ in pairs]
        for block in ("basic", "bottleneck"):
            if parsed := _blocks(convs, block, fc.reads):
                if _norms(pairs) == "before":
                    raise RecogniseError(
                        "the tensors are those of a residual network whose norms stand before their convolutions "
                        "(pre-activation), which no known family computes; export the model to .pt2 instead "
                        "(python -m lmc_core export)"
                    )
                return _described(pairs, parsed, block, fc, given)
        failure = NotThis("its convolutions are no sequence of residual blocks")
    raise failure


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Convolutions; of 1 × 1, or with one matrix after them, rather than a plain chain of convolutions."""
    sizes = [len(shape) for shape in shapes.values()]
    pointwise = any(shape[2:] == (1, 1) for shape in shapes.values())
    return 0 if 4 not in sizes else 7 if pointwise or sizes.count(2) == 1 else 5


def _pairings(convs: Sequence[Part], norms: Sequence[Part]) -> Iterator[list[tuple[Part, Part | None]]]:
    """Convolutions with their norms, in every order worth trying: the file's, the names', the stem first."""
    if norms and len(norms) != len(convs):
        raise NotThis(f"it has {len(convs)} convolutions and {len(norms)} norms")
    if len(convs) < 3:
        raise NotThis(f"it has {len(convs)} convolutions")
    for order, own in product(orders(convs), orders(norms)):
        if norms and any(conv.out != norm.shape[0] for conv, norm in zip(order, own, strict=True)):
            continue
        pairs: list[tuple[Part, Part | None]] = list(zip_longest(order, own))
        yield pairs
        stem = min(range(len(pairs)), key=lambda i: pairs[i][0].reads)
        if stem:
            yield [pairs[stem], *pairs[:stem], *pairs[stem + 1 :]]


def _norms(pairs: Sequence[tuple[Part, Part | None]]) -> Literal["before", "after", "unknown"]:
    """Whether names say on which side of their convolutions the norms stand.

    Pairing each convolution with the next norm fits a network that norms first too: the norm of the first block then
    falls to the stem, which lies outside that block.
    """
    (stem, norm), (first, _) = pairs[:2]
    if norm is None:
        return "after"
    at, norm_at, first_at = map(_block_of, (stem, norm, first))
    if at == first_at:
        return "unknown"
    return "before" if norm_at == first_at else "after"


def _block_of(part: Part) -> str:
    """The path of a layer up to its last number: "layer1.0" of "layer1.0.bn1", nothing for "conv1"."""
    found = re.match(r"^(.*\.\d+)\.", part.key)
    return found[1] if found else ""


def _blocks(convs: Sequence[Part], kind: str, features: int) -> list[_Block] | None:
    """All convolutions but the first as blocks, from the stem's channels to `features`; None if that cannot be.

    A 1×1 convolution from a block's input to its output is its shortcut, whether listed first or last; so is one of
    3×3 where the channels change, as a convolution between equal channels may be of the main path.
    """
    size = 2 if kind == "basic" else 3
    # ways[i][c]: a block that starts at convolution i on c channels, such that the rest can be read too
    ways: list[dict[int, tuple[_Block, int, int]]] = [{} for _ in range(len(convs) + 1)]
    for at in range(len(convs) - 1, 0, -1):
        for length, shortcut in ((size, None), (size + 1, 0), (size + 1, size)):
            end = at + length
            if end > len(convs):
                continue
            listed = list(range(at, end))
            extra = None if shortcut is None else listed.pop(shortcut)
            main = [convs[i] for i in listed]
            channels, out = main[0].reads, main[-1].out
            follows = out == features if end == len(convs) else out in ways[end]
            beside = extra is None or convs[extra].shape in _shortcuts(channels, out)
            if follows and beside and _fits(main, kind, channels):
                ways[at][channels] = (_Block(tuple(listed), extra), end, out)
    at, channels = 1, convs[0].out
    blocks: list[_Block] = []
    while at < len(convs):
        if channels not in ways[at]:
            return None
        block, at, channels = ways[at][channels]
        blocks.append(block)
    return blocks


def _shortcuts(channels: int, out: int) -> tuple[Shape, ...]:
    """Shapes that the convolution of a shortcut may have."""
    return ((out, channels, 1, 1), *(((out, channels, 3, 3),) if channels != out else ()))


def _fits(main: Sequence[Part], kind: str, channels: int) -> bool:
    """Whether these convolutions are the main path of a block on so many channels."""
    if kind == "basic":
        width = main[0].out
        return main[0].shape == (width, channels, 3, 3) and main[1].shape == (width, width, 3, 3)
    width, inner = main[0].out, main[1].reads
    return (
        main[0].shape == (width, channels, 1, 1)
        and width % inner == 0
        and main[1].shape == (width, inner, 3, 3)
        and main[2].shape == (main[2].out, width, 1, 1)
    )


def _described(
    pairs: Sequence[tuple[Part, Part | None]], parsed: Sequence[_Block], kind: str, fc: Part, given: Mapping[str, Any]
) -> Match:
    convs = [conv for conv, _ in pairs]
    norms = [norm for _, norm in pairs if norm]
    stem = convs[0]
    if stem.shape[2] != stem.shape[3] or stem.shape[2] % 2 == 0:
        raise NotThis(f"its first convolution has a kernel of {stem.shape[2]}×{stem.shape[3]}")
    blocks: list[int] = []
    widths: list[int] = []
    places: list[str] = []
    channels = stem.out
    for block in parsed:
        out = convs[block.main[-1]].out
        if not blocks or (places and (out != channels or block.shortcut is not None)):
            blocks.append(0)
            widths.append(convs[block.main[0]].out)
        elif convs[block.main[0]].out != widths[-1]:
            raise NotThis("blocks of one stage have different widths")
        places.append(f"layer{len(blocks)}.{blocks[-1]}")
        blocks[-1] += 1
        channels = out
    strided = [block for block, place in zip(parsed, places, strict=True) if place.endswith(".0")]
    with_conv = {block.shortcut is not None for block in strided[1:]}
    plain = with_conv == {False} or (not with_conv and strided[0].shortcut is None)
    if len(with_conv) > 1 or (plain and (len(blocks) == 1 or widths[0] != stem.out)):
        raise NotThis("its stages cannot be told apart")
    kernels = {convs[block.shortcut].shape[2] for block in parsed if block.shortcut is not None}
    if len(kernels) > 1:
        raise NotThis("its shortcuts have kernels of different sizes")
    expansion = {convs[b.main[-1]].out // convs[b.main[0]].out for b in parsed}
    groups = {convs[b.main[1]].out // convs[b.main[1]].reads for b in parsed}
    if len(expansion) > 1 or len(groups) > 1:
        raise NotThis("its blocks widen by different factors")
    large = stem.shape[2] == 7
    side = 224 if large else 28 if stem.reads == 1 else 32
    options: dict[str, Any] = {
        "blocks": blocks,
        "widths": widths,
        "stem": stem.out,
        "block": kind,
        "shortcut": "A" if plain else "B3" if kernels == {3} else "B",
        "norm": norm_kind(norms) if norms else "none",
        "bias": same_bias(convs, "convolutions"),
        "fc_bias": "bias" in fc.names,
        "stem_kernel": stem.shape[2],
        "classes": fc.out,
        "input_shape": [stem.reads, side, side],
    }
    if kind == "bottleneck":
        options |= {"expansion": expansion.pop(), "groups": groups.pop()}
    renames = {**stem.renamed("conv1"), **fc.renamed("fc")}
    renames |= pairs[0][1].renamed("bn1") if pairs[0][1] else {}
    for block, place in zip(parsed, places, strict=True):
        named = [(i, f"conv{n}", f"bn{n}") for n, i in enumerate(block.main, 1)]
        if block.shortcut is not None:
            named.append((block.shortcut, "downsample.0", "downsample.1"))
        for i, ours, norm in named:
            conv, own = pairs[i]
            renames |= conv.renamed(f"{place}.{ours}") | (own.renamed(f"{place}.{norm}") if own else {})
    return Match(options | dict(given), renames, tuple(_assumed(options, _norms(pairs) == "after")))


def _assumed(options: Mapping[str, Any], told: bool) -> Iterator[Assumption]:
    """What the tensors leave open.

    told   whether the names say that norms follow their convolutions
    """
    yield Assumption("activation", "relu", "an activation has no tensors")
    yield Assumption("input_shape", options["input_shape"], "the mean over the last map hides the size of the image")
    stem = "stride 2 and a 3×3 pooling" if options["stem_kernel"] == 7 else "stride 1 and no pooling"
    why = f"a kernel of {options['stem_kernel']} usually goes with {stem}; a stride has no tensors"
    yield Assumption("stem_stride", 2 if options["stem_kernel"] == 7 else 1, why)
    yield Assumption("stem_pool", "auto", why)
    if options["shortcut"] == "A":
        yield Assumption("family", "resnet", "a plain chain of convolutions (family=cnn) has the same tensors")
        yield Assumption(
            "shortcut", "A", "shortcuts without tensors: zero channels on both sides, or after the others (A-end)"
        )
    if not told and options["norm"] == "bn":
        why = "each is taken to follow a convolution; a network that norms first has tensors of the same shapes"
        yield Assumption("norm", options["norm"], why)
    if options["norm"] in ("ln", "gn"):
        why = "LayerNorm over channels and GroupNorm have the same tensors; norm=gn norm_groups=… otherwise"
        yield Assumption("norm", options["norm"], why)
        yield Assumption("norm_groups", 1, "the number of groups has no tensors")
