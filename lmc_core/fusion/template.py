"""The template of a fusion: the widths of one of the networks, or any others that a module is known for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from lmc_core.alignment.template import Template, resized, sizes
from lmc_core.errors import LMCError, SettingError
from lmc_core.networks.families import build, example_inputs
from lmc_core.networks.families.recognise import recognise
from lmc_core.networks.network import Network, network
from lmc_core.networks.values import Architecture
from lmc_core.symmetry.symmetry import Symmetry

Widths = int | Mapping[str, int] | None


def template(networks: Sequence[Network], symmetries: Sequence[Symmetry], widths: Widths) -> Template:
    """The frame of the fused network: the widths of the first network, or those asked for.

    widths   one number for all hidden layers, or group name → size; None: as the first network

    Raises SettingError for a group that does not exist or widths that no module is known for.
    """
    wanted = _wanted(symmetries[0], widths)
    for each, found in zip(networks, symmetries, strict=True):
        if sizes(found) == wanted:
            return Template(found, each)
    resized_to = resized(symmetries[0], wanted)
    shapes = {name: tuple(axis.size for axis in axes) for name, axes in resized_to.axes.items()}
    return Template(resized_to, _module(networks[0], shapes, wanted))


def _wanted(symmetry: Symmetry, widths: Widths) -> dict[str, int]:
    found = sizes(symmetry)
    if widths is None:
        return found
    if isinstance(widths, Mapping):
        for name in widths:
            if name not in found:
                raise SettingError(f"widths names a group {name!r}; the network has {', '.join(found) or 'none'}")
        given = dict(widths)
    else:
        plain = [n for n, group in symmetry.groups.items() if group.within is None and not symmetry.children(n)]
        given = dict.fromkeys(plain, widths)
    if wrong := next((n for n, size in given.items() if size < 1), None):
        raise SettingError(f"widths: {wrong}={given[wrong]} is no width; give at least 1")
    return found | given


def _module(like: Network, shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, int]) -> Network:
    """A network of the same family with tensors of these shapes; what shapes do not tell is as in `like`."""
    asked = ", ".join(f"{name} {size}" for name, size in wanted.items())
    if like.architecture is None:
        raise SettingError(
            f"no module is known with the widths {asked}: the code of {like.source} is fixed; give the widths of one "
            "of the networks, or fuse networks of a known family"
        )
    family = {"family": like.architecture.family}
    floating = [name for name, x in like.state.items() if x.is_floating_point()]
    try:
        told = recognise({name: tuple(like.state[name].shape) for name in floating}, given=family)
        new = recognise({name: shapes[name] for name in floating}, given=family)
        given = dict(like.architecture.options)
        old, now = told.architecture.options, new.architecture.options
        options = {k: now[k] if old.get(k) == v and k in now else v for k, v in given.items()}
        made = Architecture(like.architecture.family, options)
        with torch.random.fork_rng(devices=[]):
            module = build(made)
    except LMCError as error:
        raise SettingError(f"no {like.architecture.family} has the widths {asked}: {error}") from None
    built = network(module, example_inputs(made), held=False)
    wrong = next((n for n, shape in shapes.items() if n not in built.state or built.state[n].shape != shape), None)
    if wrong is not None:
        raise SettingError(
            f"no {like.architecture.family} has the widths {asked}: tensor {wrong!r} would have to be of shape "
            f"{shapes[wrong]}; change the widths that it shares with others too"
        )
    floats = next(x for x in like.state.values() if x.is_floating_point())
    built = built.to(device=floats.device, dtype=floats.dtype)
    return replace(built, architecture=made, normalize=like.normalize, source=like.source)
