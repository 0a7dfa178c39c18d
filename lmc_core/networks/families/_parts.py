"""Layers as the shapes of a state dict show them, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lmc_core.networks.values import Assumption

Shape = tuple[int, ...]

_KINDS = {
    "running_mean": "mean",
    "running_var": "var",
    "moving_mean": "mean",
    "moving_variance": "var",
    "weight": "weight",
    "weights": "weight",
    "kernel": "weight",
    "gamma": "weight",
    "scale": "weight",
    "w": "weight",
    "bias": "bias",
    "biases": "bias",
    "beta": "bias",
    "b": "bias",
}
_KIND = re.compile(rf"(?<![a-z])({'|'.join(sorted(_KINDS, key=len, reverse=True))})(?![a-z])", re.IGNORECASE)


class NotThis(Exception):
    """The state dict is not of the family tried; the text says at which point that showed."""


@dataclass(frozen=True)
class Match:
    """What a family makes of a state dict.

    options      of the family; the rest are defaults
    renames      their tensor name → ours
    assumptions  what the shapes could not tell
    """

    options: Mapping[str, Any]
    renames: Mapping[str, str]
    assumptions: tuple[Assumption, ...] = ()


@dataclass(frozen=True)
class Part:
    """One layer: a weight of two or more axes with its bias, or a norm, or a loose tensor.

    key      their name of the layer, without the words for weight and bias
    kind     "linear" (m, n) · "conv" (m, n, k, k) · "norm" · "loose"
    shape    of the weight; of a norm (channels,)
    names    "weight", "bias", "mean", "var" → their tensor name
    """

    key: str
    kind: str
    shape: Shape
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def out(self) -> int:
        """Units that it writes."""
        return self.shape[0]

    @property
    def reads(self) -> int:
        """Units that it reads."""
        return self.shape[1]

    def renamed(self, ours: str) -> dict[str, str]:
        """Their tensor names → our names below `ours`."""
        words = {"weight": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
        return {theirs: f"{ours}.{words[kind]}" for kind, theirs in self.names.items()}


def natural(name: str) -> list[str]:
    """Sort key in which layer10 comes after layer2."""
    return [f"0{len(p):08}{p}" if p[0] in "0123456789" else f"1{p}" for p in re.findall(r"[0-9]+|[^0-9]+", name)]


def split(name: str) -> tuple[str, str | None]:
    """A tensor name as (layer, kind): "layer1.0.bn1.running_var" → ("layer1.0.bn1", "var"), "W1" → ("1", "weight")."""
    found = list(_KIND.finditer(name))
    if not found:
        return name, None
    last = found[-1]
    key = re.sub(r"[._]{2,}", ".", name[: last.start()] + name[last.end() :]).strip("._")
    return key, _KINDS[last.group(1).lower()]


def parts(shapes: Mapping[str, Shape]) -> list[Part]:
    """The layers, in the order of the file: grouped by their names, or by neighbourhood where names say nothing."""
    groups: dict[str, dict[str, str]] = {}
    for name in shapes:
        key, kind = split(name)
        groups.setdefault(key, {})[kind or ("weight" if len(shapes[name]) != 1 else "bias")] = name
    if sum(map(len, groups.values())) == len(shapes):
        made = [_part(key, names, shapes) for key, names in groups.items()]
        if all(made):
            return [part for part in made if part]
    return list(_by_neighbourhood(shapes))


def _part(key: str, names: Mapping[str, str], shapes: Mapping[str, Shape]) -> Part | None:
    """A layer from tensors of one name; None when the shapes contradict it."""
    sizes = {kind: shapes[name] for kind, name in names.items()}
    if all(len(size) == 1 for size in sizes.values()):
        alike = len(set(sizes.values())) == 1
        return Part(key, "norm", next(iter(sizes.values())), names) if alike and "weight" in names else None
    weight = sizes.get("weight")
    if weight is None or set(names) - {"weight", "bias"}:
        return None
    kind = {2: "linear", 4: "conv"}.get(len(weight), "loose")
    if "bias" in sizes and (sizes["bias"] != weight[:1] or kind == "loose"):
        return None
    return Part(key, kind, weight, names)


def _by_neighbourhood(shapes: Mapping[str, Shape]) -> Iterable[Part]:
    """Layers of tensors without telling names, in torch's order: a weight, then its vectors.

    After a weight come one vector (its bias), two (a norm), three (both), four (BatchNorm) or five (both).
    """
    names = list(shapes)
    starts = [i for i, name in enumerate(names) if len(shapes[name]) > 1]
    if not starts or starts[0] > 0:
        raise NotThis("the first tensor is a vector, and the names do not say which layer it belongs to")
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        weight, vectors = names[start], names[start + 1 : end]
        if any(shapes[v] != shapes[weight][:1] for v in vectors) or len(vectors) > 5:
            raise NotThis(f"the vectors after {weight!r} do not have its {shapes[weight][0]} rows")
        bias = vectors[:1] if len(vectors) % 2 else []
        own = {"weight": weight} | ({"bias": bias[0]} if bias else {})
        kind = {2: "linear", 4: "conv"}.get(len(shapes[weight]), "loose")
        yield Part(weight, kind, shapes[weight], own)
        if norm := vectors[len(bias) :]:
            words = ("weight", "bias", "mean", "var")
            yield Part(norm[0], "norm", shapes[norm[0]], dict(zip(words, norm, strict=False)))


def of_kind(layers: Sequence[Part], kind: str) -> list[Part]:
    """The layers of one kind, in order."""
    return [layer for layer in layers if layer.kind == kind]


def orders(layers: Sequence[Part]) -> list[list[Part]]:
    """The order of the file, and the order of the names where it is another: some formats sort tensors by name."""
    by_name = sorted(layers, key=lambda layer: natural(layer.key))
    return [list(layers)] if by_name == list(layers) else [list(layers), by_name]


def norm_kind(norms: Sequence[Part]) -> str:
    """ "bn" with running statistics, else "ln" or "gn": shapes cannot tell those apart, a name may."""
    if any(set(norm.names) != set(norms[0].names) for norm in norms):
        raise NotThis("its norms are of different kinds")
    kinds = set(norms[0].names)
    if kinds == {"weight", "bias", "mean", "var"}:
        return "bn"
    if kinds != {"weight", "bias"}:
        raise NotThis(f"the norm {norms[0].key!r} has {', '.join(sorted(kinds))} only")
    return "gn" if re.search(r"(^|[._])(gn|group_?norm)", norms[0].key, re.IGNORECASE) else "ln"


def same_bias(layers: Sequence[Part], what: str) -> bool:
    """Whether these layers have biases. Raises NotThis when some have and some have not."""
    kinds = {"bias" in layer.names for layer in layers}
    if len(kinds) > 1:
        raise NotThis(f"some {what} have biases and some have not")
    return kinds == {True}


COMMON = ("relu", "gelu", "silu", "tanh", "leaky-relu", "sigmoid")
"""Activations worth trying where a file does not say which it is."""


def assumed_activation(value: str = "relu") -> Assumption:
    """The usual one, with others to try."""
    return Assumption("activation", value, "an activation has no tensors", tuple(a for a in COMMON if a != value))
