"""Whether two networks are two settings of one function, and if not, where they first differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod

import torch
from torch import Tensor

from lmc_core.errors import LMCError
from lmc_core.networks.families.recognise import recognise
from lmc_core.networks.network import Network
from lmc_core.networks.values import Normalize


def mismatch(a: Network, b: Network) -> str | None:
    """Why a straight line between A and B does not exist, as a sentence; None when they fit together.

    Compared in the order of A's state: names and shapes, so that the first tensor that differs is named; then what
    the modules compute, what they read, and how inputs are normalised.
    """
    return _tensors(a, b) or _function(a, b)


def of_one_precision(*networks: Network) -> tuple[Network, ...]:
    """The same networks, all in the most exact of their floating-point types: their numbers meet in products."""
    types = [_exact(network) for network in networks]
    wanted = reduce(torch.promote_types, types)
    return tuple(
        network if of == wanted else network.to(dtype=wanted) for network, of in zip(networks, types, strict=True)
    )


def _exact(network: Network) -> torch.dtype:
    """The most exact floating-point type among its numbers; that of its inputs if it has none."""
    for numbers in (network.state.values(), network.example_inputs):
        if types := [x.dtype for x in numbers if x.is_floating_point()]:
            return reduce(torch.promote_types, types)
    return torch.float32


def other_size(network: Network, shape: Sequence[int]) -> str:
    """What to say with data of another size than a network was taken to read; empty where its file tells the size,
    or its tensors allow no images of that size."""
    wanted = image_of(network, shape)
    if wanted is None or not _allowed(network, wanted):
        return ""
    said = "x".join(map(str, wanted))
    return (
        f"; its tensors do not tell the size of its images: say input_shape={said}, with --arch or among its "
        "assumptions in the Library"
    )


def image_of(network: Network, shape: Sequence[int]) -> tuple[int, int, int] | None:
    """Channels, height and width of examples of `shape` where a network's file does not tell the size of its images
    and it was taken to read another; None otherwise."""
    wanted = tuple(network.example_inputs[0].shape[1:])
    if len(wanted) != 3 or not any(a.option == "input_shape" for a in network.assumptions):
        return None
    channels, sides = prod(shape[:-2]), tuple(shape[-2:])
    if channels != wanted[0] or len(sides) != 2 or sides == wanted[1:]:
        return None
    return channels, sides[0], sides[1]


def _allowed(network: Network, image: Sequence[int]) -> bool:
    """Whether tensors of these shapes can be read as a network of such images."""
    shapes = {name: tuple(x.shape) for name, x in network.state.items() if x.is_floating_point()}
    try:
        recognise(shapes, given={"input_shape": list(image)})
    except LMCError:
        return False
    return True


def _tensors(a: Network, b: Network) -> str | None:
    for name in dict.fromkeys([*a.state, *b.state]):
        if name not in a.state or name not in b.state:
            has, lacks = ("A", "B") if name in a.state else ("B", "A")
            return (
                f"the networks are of two architectures{_families(a, b)}: {has} has the tensor {name!r} "
                f"{_shape(a.state.get(name, b.state.get(name)))} and {lacks} does not; choose two of one architecture"
            )
        if a.state[name].shape != b.state[name].shape:
            differ = f"tensor {name!r} has shape {_shape(a.state[name])} in A and {_shape(b.state[name])} in B"
            if a.state.keys() != b.state.keys() or _families(a, b):
                two = f"the networks are of two architectures{_families(a, b)}"
                return f"{two}: {differ}; choose two of one architecture"
            return f"{differ}; networks of different widths can be fused, not joined by a path"
    return None


def _function(a: Network, b: Network) -> str | None:
    if a.architecture and b.architecture and a.architecture != b.architecture:
        mine, theirs = dict(a.architecture.options), dict(b.architecture.options)
        option = next((o for o in sorted({*mine, *theirs}) if mine.get(o) != theirs.get(o)), None)
        if option is not None:
            return (
                f"A computes with {option}={mine.get(option)!r} and B with {option}={theirs.get(option)!r}; "
                f"if both are the same, say so with --arch {option}=VALUE"
            )
    inputs = [[_shape(x[0]) for x in net.example_inputs] for net in (a, b)]
    if inputs[0] != inputs[1]:
        read = [" and ".join(shapes) for shapes in inputs]
        return f"A reads inputs of shape {read[0]} and B of shape {read[1]}; choose two that read the same data"
    if a.normalize != b.normalize:
        return (
            f"A reads {_normalised(a.normalize)} inputs and B {_normalised(b.normalize)} ones; "
            "give both the same with --normalize mean/std"
        )
    return None


def _families(a: Network, b: Network) -> str:
    families = [net.architecture.family if net.architecture else "a program" for net in (a, b)]
    return f" (A {families[0]}, B {families[1]})" if families[0] != families[1] else ""


def _shape(tensor: Tensor | None) -> str:
    return "" if tensor is None else "(" + ", ".join(map(str, tensor.shape)) + ")"


def _normalised(normalize: Normalize | None) -> str:
    if normalize is None:
        return "raw"
    mean, std = (", ".join(f"{v:.4g}" for v in values) for values in (normalize.mean, normalize.std))
    return f"normalised ({mean} / {std})"
