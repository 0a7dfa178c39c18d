"""Convolution–pool–linear networks: where the poolings are is deduced from what the first linear layer reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product, takewhile
from math import prod
from typing import Any

from lmc_core.errors import SettingError
from lmc_core.networks.families._chain import chain, ordered_norms
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
from lmc_core.networks.families.cnn.module import Options, last_map
from lmc_core.networks.values import Assumption

_USUAL = {1: (28, 32), 3: (32, 224)}
_RARE = (8, 64, 16, 28, 48, 96, 128, 256)
_PATTERNS = 8  # convolutions up to which every placement of the poolings is tried


@dataclass(frozen=True)
class _Plan:
    """A placement of the poolings: 1 where one follows the convolution."""

    pools: tuple[int, ...]

    def options(self, channels: Sequence[int]) -> dict[str, Any]:
        stages: list[list[int]] = [[]]
        for width, pooled in zip(channels, self.pools, strict=True):
            stages[-1].append(width)
            if pooled:
                stages.append([])
        count = len(stages) - 1
        if not stages[-1]:
            stages.pop()
        options: dict[str, Any] = {"stages": stages}
        if not count:
            options["pool"] = "none"
        elif count < len(stages):
            options["pooled"] = list(range(1, count + 1))
        return options


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """A chain of convolutions, a norm after each or none, then a chain of linear layers. Raises NotThis."""
    layers = parts(shapes)
    if any(layer.kind == "loose" for layer in layers) or not of_kind(layers, "conv"):
        raise NotThis("it holds more than convolutions, norms and linear layers, or no convolution")
    convs = _conv_chain(of_kind(layers, "conv"))
    if not of_kind(layers, "linear"):
        raise NotThis("it has no linear layer that tells classes apart")
    linear, _ = chain(of_kind(layers, "linear"))
    norms = ordered_norms(of_kind(layers, "norm"), [conv.out for conv in convs])
    channels = [conv.out for conv in convs]
    kernels = [conv.shape[2] for conv in convs]
    options: dict[str, Any] = {
        "hidden": [layer.out for layer in linear[:-1]],
        "classes": linear[-1].out,
        "kernel": kernels[:1] if len(set(kernels)) == 1 else kernels,
        "bias": same_bias(convs, "convolutions"),
        "fc_bias": same_bias(linear, "linear layers"),
    }
    assumptions = [assumed_activation()]
    if norms:
        options["norm"] = norm_kind(norms)
        if options["norm"] != "bn":
            why = "LayerNorm over channels and GroupNorm have the same tensors; norm=gn norm_groups=… otherwise"
            assumptions.append(Assumption("norm", options["norm"], why))
    options, why = _placed(options, channels, convs[0].reads, linear[0].reads, given)
    head = options.get("head", "flatten")
    assumptions.append(Assumption("input_shape", options["input_shape"], why))
    assumptions.append(Assumption("stages", options["stages"], "a pooling of 2 × 2 ends each stage; " + why))
    assumptions.append(Assumption("padding", options["padding"], "padding has no tensors; " + why))
    assumptions.append(Assumption("stride", [1], "a stride has no tensors"))
    assumptions.append(Assumption("pool", options.get("pool", "max"), "a pooling has no tensors"))
    if linear[0].reads == channels[-1]:
        assumptions.append(Assumption("head", head, "a last map of one pixel and the mean over a map read alike"))
    renames: dict[str, str] = {}
    for prefix, group in (("conv", convs), ("norm", norms), ("fc", linear)):
        for i, layer in enumerate(group, 1):
            renames |= layer.renamed(f"{prefix}{i}")
    return Match(options, renames, tuple(assumptions))


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Convolutions."""
    return 6 if any(len(shape) == 4 for shape in shapes.values()) else 0


def _conv_chain(convs: Sequence[Part]) -> list[Part]:
    if any(conv.shape[2] != conv.shape[3] for conv in convs):
        raise NotThis("it has a convolution with a kernel that is not square")
    for order in orders(convs):
        if all(a.out == b.reads for a, b in pairwise(order)):
            return order
    return chain(convs)[0]


def _placed(
    options: dict[str, Any], channels: list[int], inputs: int, features: int, given: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """Options with image size, padding and poolings such that the last map has `features` numbers, and a reason.

    The first that fits, common ones first. Raises NotThis when none does.
    """
    if features % channels[-1]:
        raise NotThis(f"its first linear layer reads {features} numbers, not a multiple of {channels[-1]} channels")
    pixels = features // channels[-1]
    kernels = options["kernel"] * len(channels) if len(options["kernel"]) == 1 else options["kernel"]
    wish = f"so that {channels[-1]} channels × {pixels} pixels reach the first linear layer"
    for image, padding, plan in _candidates(channels, inputs, kernels):
        placed = {} if "stages" in given else plan.options(channels)
        tried = {**options, "input_shape": list(image), "padding": padding, **placed} | dict(given)
        checked = read(Options, tried)
        if [c for stage in checked.stages for c in stage] != channels:
            raise SettingError(f"stages={given['stages']} does not list the channels found, {channels}")
        try:
            _, h, w = last_map(checked)
        except SettingError:
            continue
        if checked.head == "flatten" and _reaches(pixels, checked.head_size, (h, w)):
            return tried, wish
    if pixels == 1 and given.get("head", "mean") != "flatten":
        plan = next(_natural_patterns(channels))
        mean = replace(plan, pools=(*plan.pools[:-1], 0))
        side = _sides(inputs)[0]
        placed = {"input_shape": [inputs, side, side], "padding": _same(kernels), "head": "mean"}
        return {**options, **placed, **mean.options(channels)} | dict(given), "the mean over the last map is read"
    raise NotThis(
        f"no usual image size and pooling brings {channels[-1]} channels × {pixels} pixels to its first linear layer; "
        f"say input_shape=, padding= or stages= (channels between poolings)"
    )


def _reaches(pixels: int, head_size: int, sides: tuple[int, int]) -> bool:
    """Whether a last map of these sides, averaged down to `head_size` if that is not 0, has so many pixels."""
    return head_size**2 == pixels and min(sides) >= head_size if head_size else prod(sides) == pixels


def _same(kernels: Sequence[int]) -> list[int]:
    """Paddings that keep the size."""
    sizes = [k // 2 for k in kernels]
    return sizes[:1] if len(set(sizes)) == 1 else sizes


def _candidates(
    channels: list[int], inputs: int, kernels: Sequence[int]
) -> Iterator[tuple[tuple[int, int, int], list[int], _Plan]]:
    """Images, paddings and poolings: usual sizes with usual poolings, with any pooling, then rare sizes likewise."""
    paddings = [_same(kernels), [0]]
    if len(kernels) > 1:
        paddings.append([kernels[0] // 2, *[0] * (len(kernels) - 1)])
    usual, others = list(_natural_patterns(channels)), list(_other_patterns(channels))
    for sides in (_sides(inputs), _RARE):
        for plan, padding, side in product(usual, paddings, sides):
            yield (inputs, side, side), padding, plan
        for side, plan, padding in product(sides, others, paddings):
            yield (inputs, side, side), padding, plan


def _sides(inputs: int) -> tuple[int, ...]:
    """Usual sizes of images with so many channels."""
    return _USUAL.get(inputs, _USUAL[3])


def _natural_patterns(channels: list[int]) -> Iterator[_Plan]:
    """Poolings after every run of equal channels (a last run of four or more is two, as in VGG), or everywhere."""
    ends = [int(a != b) for a, b in pairwise(channels)] + [1]
    last = len(list(takewhile(lambda width: width == channels[-1], reversed(channels))))
    if last >= 4 and last < len(channels):
        halves = list(ends)
        halves[len(channels) - 1 - last // 2] = 1
        yield _Plan(tuple(halves))
    yield _Plan(tuple(ends))
    yield _Plan((1,) * len(channels))


def _other_patterns(channels: list[int]) -> Iterator[_Plan]:
    """All placements of poolings in a short network, many and late ones first."""
    places = range(len(channels))
    for count in reversed(range(len(channels) + 1 if len(channels) <= _PATTERNS else 0)):
        for chosen in combinations(reversed(places), count):
            yield _Plan(tuple(int(i in chosen) for i in places))
