"""The Symmetry of a network, inferred from its trace and verified by experiment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lmc_core.graph.export import FALLBACK, TooSlow, within
from lmc_core.graph.trace import Trace, trace, working_batch
from lmc_core.networks.network import Network
from lmc_core.symmetry._solver.call import Facts, Reading
from lmc_core.symmetry._solver.freeze import Frozen, freeze
from lmc_core.symmetry._solver.values import Slot
from lmc_core.symmetry.axis import groups_in, held_by
from lmc_core.symmetry.branching import branched
from lmc_core.symmetry.evidence import classified, evened, without
from lmc_core.symmetry.symmetry import Contraction, Pinned, Role, Symmetry
from lmc_core.symmetry.verify import VerifyReport, elsewhere
from lmc_core.symmetry.verify import verify as measure
from lmc_core.symmetry.walk import read

ONE_WAY = "The network chooses by its numbers what to compute; these are the groups of the way that its example takes."


def symmetry(network: Network, *, verify: bool = True, batch: int = 2, seconds: float = 60.0) -> Symmetry:
    """The groups of interchangeable units of a network, and where each sits.

    verify    permute at random and compare outputs; a group that changes them is dropped and reported as pinned
    batch     rows of the traced input; the batch size of the example where the module accepts no other
    seconds   limit for tracing, and again for inferring

    Raises TraceError if the module cannot be traced, TooSlow if that or inferring takes too long; declare its symmetry
    then.
    """
    traced = trace(network, working_batch(network, batch, seconds=seconds), seconds=seconds)
    shapes = {name: tuple(x.shape) for name, x in network.state.items()}
    even = [name for name, x in network.state.items() if _even(x)]

    def work() -> Symmetry:
        reading = read(traced, shapes, even)
        return branched(traced, shapes, _found(traced, shapes, reading, freeze(reading)))

    try:
        found = within(work, seconds)
    except TimeoutError:
        raise TooSlow(
            f"inferring the symmetry of {len(traced.graph.nodes)} operations took longer than {seconds:g} s; {FALLBACK}"
        ) from None
    return evened(classified(network, verified(network, found))) if verify else found


def _found(traced: Trace, shapes: dict[str, tuple[int, ...]], reading: Reading, frozen: Frozen) -> Symmetry:
    """What a graph says, not yet verified."""
    read_by = {traced.tensors[n.name] for n in traced.graph.nodes if n.name in traced.tensors and n.users}
    unused = tuple(name for name, shape in shapes.items() if name not in read_by and shape)
    return Symmetry(
        groups=frozen.groups,
        axes=frozen.axes,
        roles=_roles(frozen, reading.facts),
        values=frozen.values,
        reads=_reads(frozen, reading.facts.read),
        contractions=tuple(Contraction(**vars(use)) for use in reading.facts.uses),
        pinned=tuple(Pinned(*entry) for entry in frozen.pinned if entry[0] not in unused),
        unknown_ops=tuple(dict.fromkeys(reading.facts.unknown)),
        unused=unused,
        held=frozenset(reading.facts.held),
        notes=(ONE_WAY,) if traced.chooses else (),
    )


def _even(x: Tensor) -> bool:
    """Whether a vector has equal entries."""
    return 0 < x.numel() == max(x.shape, default=0) and bool((x == x.flatten()[0]).all())


def verified(network: Network, found: Symmetry) -> Symmetry:
    """A Symmetry with its measured error, without the groups that changed the output.

    The experiment is made at the network's own state, and at a random one, where nothing hides an error.
    """
    kept = _sound(network, found)
    if not kept.groups:
        return kept
    try:
        anywhere = elsewhere(network, np.random.default_rng(1))
        report = measure(anywhere, kept, groups=False)
        if report.blind or report.holds or ((exact := _exactly(anywhere, kept)) is not None and exact.holds):
            return kept
        sound = _sound(anywhere, kept)
    except RuntimeError:  # a module that refuses other numbers than its own
        return kept
    return replace(sound, error=measure(network, sound, groups=False).error)


def _sound(network: Network, found: Symmetry) -> Symmetry:
    """The part of a Symmetry that leaves the outputs alone at this state."""
    report = measure(network, found, budget=2.0)
    if not report.holds:
        report = _exactly(network, found) or report
    if report.holds:
        return replace(found, error=report.error)
    kept = without(found, {name: report.groups[name] for name in report.broken})
    if report.broken:
        again = measure(network, kept, groups=False)
        if again.holds:
            return replace(kept, error=again.error)
    return _largest_sound(network, kept)


def _exactly(network: Network, found: Symmetry) -> VerifyReport | None:
    """The same in float64, where rounding does not pass for a broken group; None if the module refuses that type."""
    try:
        return measure(network.to(dtype=torch.float64), found, budget=20.0)
    except RuntimeError:  # a module with another type written into its code
        return None


def _largest_sound(network: Network, found: Symmetry) -> Symmetry:
    """Groups added one at a time, each kept only if moving all kept ones together still leaves the output alone."""
    names = list(found.groups)
    broken: dict[str, float] = {}
    error = 0.0
    for number, name in enumerate(names):
        later = dict.fromkeys(names[number + 1 :], 0.0)
        report = measure(network, without(found, {**broken, **later}), groups=False)
        if report.holds:
            error = report.error
        else:
            broken[name] = report.error
    return replace(without(found, broken), error=error)


_ROLES: dict[frozenset[str], Role] = {
    frozenset(): "none",
    frozenset({"write"}): "write",
    frozenset({"read"}): "read",
    frozenset({"write", "read"}): "both",
}


def _roles(frozen: Frozen, facts: Facts) -> dict[tuple[str, int], Role]:
    """The role of every axis; of one that holds units of others, theirs, as of the factors of one axis."""
    roles: dict[tuple[str, int], Role] = {}
    for name, axes in frozen.axes.items():
        for number in range(len(axes)):
            said = {
                role
                for place in held_by(axes, number) or (number,)
                for _, role in facts.roles.get(Slot(name, place), ())
            }
            roles[name, number] = _ROLES[frozenset(said)]
    return roles


def _reads(frozen: Frozen, contracted: Iterable[tuple[str, int]]) -> dict[str, tuple[tuple[str, int], ...]]:
    """Group → the contracted values that carry it; all values that carry it if none is contracted."""
    fed: dict[str, dict[tuple[str, int], None]] = {name: {} for name in frozen.groups}
    for value, number in contracted:
        for group in groups_in(frozen.values[value][number]) if value in frozen.values else ():
            fed[group.name][value, number] = None
    for name, places in fed.items():
        if not places:
            for value, axes in frozen.values.items():
                for number, axis in enumerate(axes):
                    if any(group.name == name for group in groups_in(axis)):
                        places[value, number] = None
    return {name: tuple(places) for name, places in fed.items()}
