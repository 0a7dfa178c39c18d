"""Residual networks, parsed block by block from the shapes of their convolutions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product, zip_longest
from typing import Any, Literal

from lmc_core.networks.families._options import read
from lmc_core.networks.families._parts import (
    Match,
    NotThis,
    Part,
    Shape,
    assumed_activation,
    norm_kind,
    of_kind,
    orders,
    parts,
    same_bias,
)
from lmc_core.networks.families.resnet.module import Options
from lmc_core.networks.values import Assumption

BLOCKS = ("basic", "bottleneck")


@dataclass(frozen=True)
class _Block:
    """Positions in the list of convolutions."""

    main: tuple[int, ...]
    shortcut: int | None


@dataclass(frozen=True)
class _Norms:
    """Where norms stand.

    of      position of a convolution → its norm: what it writes, or with `first` what a block's convolution reads
    final   what the mean over the image is taken of
    first   norms of a block stand before its convolutions
    """

    of: Mapping[int, Part]
    final: Part | None
    first: bool


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """A stem, blocks of two 3×3 (or 1×1, 3×3, 1×1) convolutions with shortcuts, one linear layer.

    Norms stand after their convolutions, or before them (pre-activation) where names, their number or `given` says so.

    Raises NotThis.
    """
    layers = parts(shapes)
    linear = of_kind(layers, "linear")
    if any(layer.kind == "loose" for layer in layers) or len(linear) != 1:
        raise NotThis(f"a residual network ends in one linear layer; it has {len(linear)}")
    convs, norms, fc = of_kind(layers, "conv"), of_kind(layers, "norm"), linear[0]
    if len(convs) < 3:
        raise NotThis(f"it has {len(convs)} convolutions")
    asked = read(Options, {"norm_first": given["norm_first"]}).norm_first if "norm_first" in given else None
    if asked or (asked is None and norms and len(norms) != len(convs)):
        return _norms_first(convs, norms, fc, given)
    failure = NotThis("it has too few convolutions")
    for pairs in _pairings(convs, norms):
        ordered = [conv for conv, _ in pairs]
        for block in BLOCKS:
            if parsed := _blocks(ordered, block, fc.reads):
                told = _side(pairs)
                if asked is None and told == "before":
                    return _norms_first(convs, norms, fc, given)
                placed = _Norms({i: norm for i, (_, norm) in enumerate(pairs) if norm}, None, first=False)
                return _described(ordered, placed, parsed, block, fc, given, told != "unknown")
        failure = NotThis("its convolutions are no sequence of residual blocks")
    if asked is None and norms:
        with suppress(NotThis):
            return _norms_first(convs, norms, fc, given)
    raise failure


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Convolutions; of 1 × 1, or with one matrix after them, rather than a plain chain of convolutions."""
    sizes = [len(shape) for shape in shapes.values()]
    pointwise = any(shape[2:] == (1, 1) for shape in shapes.values())
    return 0 if 4 not in sizes else 7 if pointwise or sizes.count(2) == 1 else 5


def _pairings(convs: Sequence[Part], norms: Sequence[Part]) -> Iterator[list[tuple[Part, Part | None]]]:
    """Convolutions with their norms, in every order worth trying: the file's, the names', the stem first."""
    for order, own in product(orders(convs), orders(norms)):
        if norms and any(conv.out != norm.shape[0] for conv, norm in zip(order, own, strict=True)):
            continue
        pairs: list[tuple[Part, Part | None]] = list(zip_longest(order, own))
        yield pairs
        stem = min(range(len(pairs)), key=lambda i: pairs[i][0].reads)
        if stem:
            yield [pairs[stem], *pairs[:stem], *pairs[stem + 1 :]]


def _side(pairs: Sequence[tuple[Part, Part | None]]) -> Literal["before", "after", "unknown"]:
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


def _norms_first(convs: Sequence[Part], norms: Sequence[Part], fc: Part, given: Mapping[str, Any]) -> Match:
    """The network if its norms stand before the convolutions of its blocks: of all places that the sizes of the norms
    allow, the one in which most norms are named like a layer of the block they fall to. Raises NotThis."""
    best: tuple[int, list[Part], _Norms, list[_Block], str] | None = None
    for order, kind in product(_stem_first(convs), BLOCKS):
        parsed = _blocks(order, kind, fc.reads)
        for own in orders(norms) if parsed else ():
            for placed in _placings(order, parsed or [], own, fc.reads):
                agree = sum(_block_of(order[i]) == _block_of(norm) for i, norm in placed.of.items())
                if best is None or agree > best[0]:
                    best = agree, order, placed, parsed or [], kind
    if best is None:
        raise NotThis(
            f"its {len(convs)} convolutions and {len(norms)} norms are no sequence of residual blocks, "
            "whether norms come after convolutions or before"
        )
    _, order, placed, parsed, kind = best
    return _described(order, placed, parsed, kind, fc, given, told=True)


def _stem_first(convs: Sequence[Part]) -> Iterator[list[Part]]:
    """Convolutions in every order worth trying."""
    for order in orders(convs):
        yield order
        stem = min(range(len(order)), key=lambda i: order[i].reads)
        if stem:
            yield [order[stem], *order[:stem], *order[stem + 1 :]]


def _placings(
    convs: Sequence[Part], blocks: Sequence[_Block], norms: Sequence[Part], features: int
) -> Iterator[_Norms]:
    """All ways to give each convolution of a block a norm of the size that it reads.

    The stem, the shortcuts and the end of the last block have norms of their own or none; in a list sorted by name,
    those of the stem and of the end may stand on the other side of the blocks, and that of a shortcut before its block.
    """
    shortcuts = [block.shortcut for block in blocks if block.shortcut is not None]
    sides, either = ("front", "back", None), (True, False)
    for stem, final, own, late, turned in product(
        sides[::-1], sides, either if shortcuts else (False,), either, either
    ):
        count = sum(len(block.main) for block in blocks) + len(shortcuts) * own + bool(stem) + bool(final)
        if count != len(norms) or (not own and not late) or (turned and stem != final):
            continue
        listed: list[tuple[int, int]] = []  # (position of its convolution, size)
        for block in blocks:
            main = [(i, convs[i].reads) for i in block.main]
            beside = [(block.shortcut, convs[block.shortcut].out)] if own and block.shortcut is not None else []
            listed += main + beside if late else beside + main
        ends: list[tuple[str | None, tuple[int, int]]] = [(stem, (0, convs[0].out)), (final, (-1, features))]
        ends = ends[::-1] if turned else ends
        front, back = ([where for side, where in ends if side == wanted] for wanted in sides[:2])
        listed = [*front, *listed, *back]
        if all(norm.shape[0] == size for norm, (_, size) in zip(norms, listed, strict=True)):
            of = {i: norm for norm, (i, _) in zip(norms, listed, strict=True)}
            yield _Norms({i: norm for i, norm in of.items() if i >= 0}, of.get(-1), first=True)


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
    convs: Sequence[Part],
    norms: _Norms,
    parsed: Sequence[_Block],
    kind: str,
    fc: Part,
    given: Mapping[str, Any],
    told: bool,
) -> Match:
    """told   whether names or numbers say on which side of their convolutions norms stand"""
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
        "norm": norm_kind([*norms.of.values(), *filter(None, [norms.final])]) if norms.of else "none",
        "bias": same_bias(convs, "convolutions"),
        "fc_bias": "bias" in fc.names,
        "stem_kernel": stem.shape[2],
        "classes": fc.out,
        "input_shape": [stem.reads, side, side],
    }
    if kind == "bottleneck":
        options |= {"expansion": expansion.pop(), "groups": groups.pop()}
    if norms.first:
        options |= {
            "norm_first": True,
            "shortcut_norm": any(block.shortcut in norms.of for block in parsed),
            "stem_norm": 0 in norms.of,
            "final_norm": norms.final is not None,
        }
    renames = {**stem.renamed("conv1"), **fc.renamed("fc")}
    renames |= norms.of[0].renamed("bn1") if 0 in norms.of else {}
    renames |= norms.final.renamed("bn") if norms.final else {}
    for block, place in zip(parsed, places, strict=True):
        named = [(i, f"conv{n}", f"bn{n}") for n, i in enumerate(block.main, 1)]
        if block.shortcut is not None:
            named.append((block.shortcut, "downsample.0", "downsample.1"))
        for i, ours, norm in named:
            renames |= convs[i].renamed(f"{place}.{ours}")
            renames |= norms.of[i].renamed(f"{place}.{norm}") if i in norms.of else {}
    return Match(options | dict(given), renames, tuple(_assumed(options, told)))


def _assumed(options: Mapping[str, Any], told: bool) -> Iterator[Assumption]:
    """What the tensors leave open.

    told   whether names or numbers say on which side of their convolutions norms stand
    """
    yield assumed_activation()
    yield Assumption("input_shape", options["input_shape"], "the mean over the last map hides the size of the image")
    stem = "stride 2 and a 3×3 pooling" if options["stem_kernel"] == 7 else "stride 1 and no pooling"
    why = f"a kernel of {options['stem_kernel']} usually goes with {stem}; a stride has no tensors"
    yield Assumption("stem_stride", 2 if options["stem_kernel"] == 7 else 1, why)
    yield Assumption("stem_pool", "auto", why)
    if options["shortcut"] == "A":
        yield Assumption("family", "resnet", "a plain chain of convolutions (family=cnn) has the same tensors")
        yield Assumption(
            "shortcut",
            "A",
            "shortcuts without tensors: zero channels on both sides, or after the others (A-end)",
            ("A-end",),
        )
    if not told and options["norm"] != "none":
        why = "each norm is taken to follow a convolution; a network that norms first has tensors of the same shapes"
        yield Assumption("norm_first", False, why)
    if options.get("norm_first") and options["shortcut"] != "A" and len(options["widths"]) > 1:
        why = "the convolution of a shortcut may read the block's input, or what its first norm and activation give"
        yield Assumption("shortcut_reads", "activation", why, ("input",))
    if options["norm"] in ("ln", "gn"):
        why = "LayerNorm over channels and GroupNorm have the same tensors; norm=gn norm_groups=… otherwise"
        yield Assumption("norm", options["norm"], why)
        yield Assumption("norm_groups", 1, "the number of groups has no tensors")
