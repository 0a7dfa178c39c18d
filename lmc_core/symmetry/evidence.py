"""Evidence for the classes of groups: move by random elements, compare outputs, and lower what does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from lmc_core.networks.network import Network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.operators import Kind
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.classes import LOWER, condition, has_dual, reorders
from lmc_core.symmetry.move import move, random_elements
from lmc_core.symmetry.symmetry import Pinned, Symmetry
from lmc_core.symmetry.verify import TOLERANCE, random_inputs


def classified(network: Network, found: Symmetry) -> Symmetry:
    """A Symmetry whose classes hold: all groups moved at once by random elements leave the outputs alone.

    Where they do not, every group is moved alone and lowered one class at a time until it holds, then groups are added
    one after the other; the sentence about each stands in `notes`.
    """
    if all(group.kind == "permutation" for group in found.groups.values()):
        return found
    trial = _Trial(network)
    if trial.holds(found, tuple(found.groups)):
        return replace(found, element_error=trial.error)
    trial = _exact(network) or trial
    kept: tuple[str, ...] = tuple(name for name, group in found.groups.items() if group.kind == "permutation")
    for name in [n for n in found.groups if n not in kept]:
        while not trial.holds(found, (name,)) or not trial.holds(found, (*kept, name)):
            kind = found.groups[name].kind
            if kind == "permutation":
                break
            if kind not in LOWER:
                found = without(found, {name: trial.error})
                break
            said = f"{name}: a random {kind} map changed the output by {trial.error:.1e}, so only {LOWER[kind]} is used"
            found = replace(with_kinds(found, {name: LOWER[kind]}), notes=(*found.notes, said))
        kept = (*kept, *((name,) if name in found.groups else ()))
    trial.holds(found, kept)
    return replace(found, element_error=trial.error)


class _Trial:
    """Outputs of a network before units are moved; `error` is the last relative change of them, |Δ| / |output|."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.inputs = random_inputs(network, np.random.default_rng(2))
        self.before = tensors(network(*self.inputs))
        if not all(bool(torch.isfinite(x).all()) for x in self.before):
            self.inputs = network.example_inputs
            self.before = tensors(network(*self.inputs))
        dtype = next((x.dtype for x in network.state.values() if x.is_floating_point()), torch.float32)
        self.tolerance = TOLERANCE.get(dtype, 1e-4)
        self.error = 0.0

    def holds(self, symmetry: Symmetry, groups: tuple[str, ...]) -> bool:
        """Whether these groups, moved at once, change no more than rounding times the worst condition number."""
        elements = random_elements(symmetry, np.random.default_rng(3), groups)
        state = move(self.network.state, symmetry, elements)
        self.error = relative_error(self.before, self.network.with_state(state)(*self.inputs))
        return self.error <= self.tolerance * max((condition(e) for e in elements.values()), default=1.0)


def _exact(network: Network) -> _Trial | None:
    """The same in float64, where rounding does not pass for a broken class; None if the module refuses that type."""
    try:
        return _Trial(network.to(dtype=torch.float64))
    except RuntimeError:  # a module with another type written into its code
        return None


def with_kinds(found: Symmetry, kinds: Mapping[str, Kind]) -> Symmetry:
    """The Symmetry with other classes for some groups."""

    def change(axis: Axis) -> Axis:
        match axis:
            case Group(name):
                if name not in kinds:
                    return axis
                kind = kinds[name]
                return replace(axis, kind=kind, dual=axis.dual and has_dual(kind))
            case Product(factors):
                return Product(tuple(map(change, factors)))
            case Sum(parts):
                return Sum(tuple(map(change, parts)))
            case Fixed():
                return axis

    return replace(
        found,
        groups={name: replace(group, kind=kinds.get(name, group.kind)) for name, group in found.groups.items()},
        axes={name: tuple(map(change, axes)) for name, axes in found.axes.items()},
        values={name: tuple(map(change, axes)) for name, axes in found.values.items()},
    )


def without(found: Symmetry, broken: Mapping[str, float]) -> Symmetry:
    """The Symmetry with some groups that changed the output, and all nested in them, pinned."""
    reasons = {name: f"moving it changed the output by {error:.1e} (relative)" for name, error in broken.items()}
    return held_still(found, reasons)


def ordered(found: Symmetry) -> Symmetry:
    """What can be re-ordered of a Symmetry: groups whose class holds no orders are fixed."""
    paired = [name for name, group in found.groups.items() if not reorders(group.kind)]
    return held_still(found, dict.fromkeys(paired, "rotary pairs keep their places")) if paired else found


def unbranched(found: Symmetry) -> Symmetry:
    """What can be moved within the branches of a Symmetry: the branches themselves stay."""
    return (
        held_still(found, dict.fromkeys(found.branches, "its branches keep their places")) if found.branches else found
    )


def evened(found: Symmetry) -> Symmetry:
    """The Symmetry with groups within branches held where those of other branches are: they go from one to another."""
    families = [family for each in found.branches.values() for family in each.groups]
    held = {name for family in families if not found.groups.keys() >= set(family) for name in family}
    if not held:
        return found
    left = {
        name: replace(each, groups=tuple(family for family in each.groups if not held & set(family)))
        for name, each in found.branches.items()
    }
    reason = "the same units of another branch do not move"
    return replace(held_still(found, dict.fromkeys(held & found.groups.keys(), reason)), branches=left)


def held_still(found: Symmetry, reasons: Mapping[str, str]) -> Symmetry:
    """The Symmetry with some groups, and all nested in them, pinned for a reason."""
    gone = dict(reasons)
    for group in found.groups.values():
        if group.within in gone and group.name not in gone:
            gone[group.name] = gone[group.within]
    axes = {name: tuple(_fixed(axis, gone) for axis in some) for name, some in found.axes.items()}
    values = {name: tuple(_fixed(axis, gone) for axis in some) for name, some in found.values.items()}
    pins = tuple(
        Pinned(name, number, group.size, gone[group.name])
        for name, some in found.axes.items()
        for number, axis in enumerate(some)
        for group in dict.fromkeys(groups_in(axis))
        if group.name in gone
    )
    return replace(
        found,
        groups={name: group for name, group in found.groups.items() if name not in gone},
        axes=axes,
        values=values,
        reads={name: where for name, where in found.reads.items() if name not in gone},
        pinned=found.pinned + pins,
        branches={name: each for name, each in found.branches.items() if name not in gone},
    )


def _fixed(axis: Axis, gone: Mapping[str, str]) -> Axis:
    match axis:
        case Group(name, size):
            return Fixed(size) if name in gone else axis
        case Product(factors):
            return Product(tuple(_fixed(f, gone) for f in factors))
        case Sum(parts):
            return Sum(tuple(_fixed(p, gone) for p in parts))
        case Fixed():
            return axis
