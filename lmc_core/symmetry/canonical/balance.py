"""Groups of a state balanced in turn: scales of `scaled` groups and of rotary pairs, frames of `general` ones, until
nothing moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lmc_core.networks.network import Network
from lmc_core.operators import Kind
from lmc_core.symmetry.canonical.frames import frames
from lmc_core.symmetry.canonical.record import Folded, Record, Refused
from lmc_core.symmetry.canonical.scales import scales
from lmc_core.symmetry.classes import COMPLEX
from lmc_core.symmetry.move import Mover, moved
from lmc_core.symmetry.symmetry import Symmetry

ROUNDS = 100
STILL = 1e-11
"""Of the largest change of a matrix entry in a round: nothing moves."""
SEEN = 1e-6
"""Of a change that is worth saying."""


def balanced(network: Network, symmetry: Symmetry, kinds: Sequence[Kind] = ("scaled",)) -> Network:
    """The same function with the sizes of its units balanced (Stock 2019): for every unit of a `scaled` group the
    weights that make it are as long as those that use it.

    symmetry   of the network
    kinds      which groups: of "scaled" and "general", whose frames are then balanced too
    """
    state, _ = balance(network.state, symmetry, kinds)
    return network.with_state({name: state[name].to(x) for name, x in network.state.items()})


def balance(
    state: Mapping[str, Tensor], symmetry: Symmetry, kinds: Sequence[Kind] = ("scaled", *COMPLEX, "general")
) -> tuple[dict[str, Tensor], list[Record]]:
    """The balanced state, in float64, and what was done."""
    current = {name: x.detach().double().cpu() if x.is_floating_point() else x for name, x in state.items()}
    open_ = [group for group in symmetry.groups.values() if group.kind in kinds]
    general = [group.name for group in open_ if group.kind == "general"]
    scaled = [group.name for group in open_ if group.kind in ("scaled", *COMPLEX)]
    changed: dict[str, float] = {}
    unsettled: dict[str, int] = {}

    def apply(group: str, there: Mover, back: Mover, change: float) -> float:
        nonlocal current
        current = moved(current, symmetry, {group: (there, back)})
        changed[group] = max(changed.get(group, 0.0), change)
        return change

    for _ in range(ROUNDS):
        change = 0.0
        for name, factor in scales(current, symmetry, scaled).items() if scaled else ():
            order = torch.arange(factor.shape[-1]).expand(factor.shape)
            apart = float(factor.log().abs().max())
            change = max(change, apply(name, Mover(None, order, factor), Mover(None, order, 1 / factor), apart))
        for name in general:
            found = frames(current, symmetry, name)
            free = symmetry.groups[name].within is None
            there, back = ((m[0] if free else m) for m in (found.there, found.back))
            unsettled[name] = found.stuck
            change = max(change, apply(name, Mover(there), Mover(back), found.change))
        if change <= STILL or not general:
            break
    return current, [*_said(symmetry, changed, unsettled)]


def _said(symmetry: Symmetry, changed: Mapping[str, float], unsettled: Mapping[str, int]) -> list[Record]:
    records: list[Record] = []
    for name, change in changed.items():
        tensors = tuple(dict.fromkeys(t for t, _ in symmetry.slots(name) if t not in symmetry.held))
        if change > SEEN:
            records.append(Folded("frame" if symmetry.groups[name].kind == "general" else "scales", name, tensors))
        if unsettled.get(name):
            why = f"what makes its units and what uses them do not meet in all directions ({unsettled[name]} times)"
            records.append(Refused("frame", name, why))
    return records
