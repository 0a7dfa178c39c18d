"""What is said of the groups of one network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLASSES: Mapping[str, str] = {
    "permutation": "any order",
    "signed": "any order, any signs",
    "scaled": "any order, positive scales",
    "centred": "rotations that keep the mean",
    "orthogonal": "rotations and reflections",
    "complex": "turns and scales of rotary pairs",
    "interleaved-complex": "turns and scales of neighbouring rotary pairs",
    "phase": "turns of rotary pairs",
    "interleaved-phase": "turns of neighbouring rotary pairs",
    "general": "any invertible map",
}
"""Class of a group → what may be done to its units without changing the function."""

DRAWN: Mapping[str, str] = {
    "permutation": "orders",
    "signed": "orders, signs",
    "scaled": "orders, scales",
    "centred": "rotations",
    "orthogonal": "rotations",
    "complex": "turned, scaled pairs",
    "interleaved-complex": "turned, scaled pairs",
    "phase": "turned pairs",
    "interleaved-phase": "turned pairs",
    "general": "maps",
}
"""The same in one or two words, for a picture."""


def groups_alt(facts: Any) -> str:
    """What the picture of a symmetry shows, for who does not see it; `facts` are its tables."""
    parts = []
    for row in facts.groups:
        written, read = (
            ", ".join(dict.fromkeys(tensor_of(place) for place in side)) or "nothing"
            for side in (row.written, row.read)
        )
        parts.append(
            f"{row.name} of {row.size} units ({CLASSES.get(row.kind, row.kind)}), written by {written}, read by {read}"
        )
    return "Groups along the network: " + "; ".join(parts) + "."


def tensor_of(place: str) -> str:
    """fc1.weight[0] → fc1.weight"""
    name, bracket, axis = place.rpartition("[")
    return name if bracket and axis.removesuffix("]").isdigit() else place
