"""The common frame that several networks are carried to: a symmetry with sizes of its own, and a module for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from lmc_core.errors import LMCError, MismatchError, SettingError
from lmc_core.networks.families import build, example_inputs
from lmc_core.networks.families.recognise import recognise
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network, network
from lmc_core.networks.values import Architecture
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum
from lmc_core.symmetry.symmetry import Symmetry

Widths = int | Mapping[str, int] | None


@dataclass(frozen=True, eq=False)
class Template:
    """symmetry: groups of the fused network; frame: any network of its widths, whose numbers do not matter."""

    symmetry: Symmetry
    frame: Network

    @property
    def sizes(self) -> dict[str, int]:
        return sizes(self.symmetry)

    def network(self, state: Mapping[str, Tensor]) -> Network:
        """These numbers as a network of the template's widths."""
        return self.frame.with_state(state)


def sizes(symmetry: Symmetry) -> dict[str, int]:
    """Group name → how many units."""
    return {name: group.size for name, group in symmetry.groups.items()}


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
    built = network(module, example_inputs(made))
    wrong = next((n for n, shape in shapes.items() if n not in built.state or built.state[n].shape != shape), None)
    if wrong is not None:
        raise SettingError(
            f"no {like.architecture.family} has the widths {asked}: tensor {wrong!r} would have to be of shape "
            f"{shapes[wrong]}; change the widths that it shares with others too"
        )
    floats = next(x for x in like.state.values() if x.is_floating_point())
    built = built.to(device=floats.device, dtype=floats.dtype)
    return replace(built, architecture=made, normalize=like.normalize, source=like.source)


def resized(symmetry: Symmetry, wanted: Mapping[str, int], names: Mapping[str, str] | None = None) -> Symmetry:
    """The same structure with other group sizes, and other names where given."""
    called = names or {}

    def change(axis: Axis) -> Axis:
        match axis:
            case Group(name, size, within, kind):
                new = called.get(name, name)
                return Group(new, wanted.get(new, size), called.get(within, within) if within else None, kind)
            case Product(factors):
                return Product(tuple(map(change, factors)))
            case Sum(parts):
                return Sum(tuple(map(change, parts)))
        return axis

    groups = {called.get(name, name): change(group) for name, group in symmetry.groups.items()}
    return replace(
        symmetry,
        groups=MappingProxyType({name: g for name, g in groups.items() if isinstance(g, Group)}),
        axes={name: tuple(map(change, axes)) for name, axes in symmetry.axes.items()},
        values={name: tuple(map(change, axes)) for name, axes in symmetry.values.items()},
        reads={called.get(name, name): places for name, places in symmetry.reads.items()},
    )


def common(a: Network, b: Network, first: Symmetry, second: Symmetry) -> Symmetry:
    """B's symmetry in A's group names, groups matched by where they sit, whatever their sizes.

    Raises MismatchError naming the first tensor that is there or used in one network only.
    """
    for name in dict.fromkeys([*a.state, *b.state]):
        if name not in a.state or name not in b.state:
            has, lacks = (a, b) if name in a.state else (b, a)
            raise MismatchError(
                f"tensor {name!r} is in {has.source} and not in {lacks.source}: networks of different depth or layers "
                "cannot be fused; choose networks that differ in width only"
            )
    names: dict[str, str] = {}
    for name, axes in first.axes.items():
        others = second.axes[name]
        if len(axes) != len(others) or not all(_alike(x, y, names) for x, y in zip(axes, others, strict=True)):
            mine, theirs = (", ".join(map(str, each)) for each in (axes, others))
            raise MismatchError(
                f"tensor {name!r} has axes ({mine}) in {a.source} and ({theirs}) in {b.source}; "
                "only the numbers of hidden units may differ between networks that are fused"
            )
    if sizes(first) == {names.get(n, n): size for n, size in sizes(second).items()} and (why := mismatch(a, b)):
        raise MismatchError(why)
    if a.normalize != b.normalize:
        raise MismatchError("the networks normalise their inputs differently; give all the same normalize")
    return resized(second, {}, names)


def _alike(x: Axis, y: Axis, names: dict[str, str]) -> bool:
    """One structure, with the groups of y always standing for the same groups of x."""
    match x, y:
        case Fixed(), Fixed():
            return x.size == y.size
        case Group(), Group():
            return names.setdefault(y.name, x.name) == x.name
        case Product(factors), Product(others):
            return len(factors) == len(others) and all(map(lambda p, q: _alike(p, q, names), factors, others))
        case Sum(parts), Sum(others):
            return len(parts) == len(others) and all(map(lambda p, q: _alike(p, q, names), parts, others))
    return False
