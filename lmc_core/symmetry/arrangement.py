"""Which units sit where: the groups of a network and, for every tensor, one expression per axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmc_core.symmetry.axis import Axis, Group, names_in


@dataclass(frozen=True)
class Arrangement:
    """Groups of interchangeable units, and the axes that carry them: all that moving units needs to know.

    groups   name → Group, in the order in which the network first writes them
    axes     state name → one axis expression per tensor axis
    """

    groups: Mapping[str, Group]
    axes: Mapping[str, tuple[Axis, ...]]

    def slots(self, group: str) -> tuple[tuple[str, int], ...]:
        """(state name, axis number) of every tensor axis that mentions `group`."""
        return tuple((name, number) for name in self.axes for number in self.places(name, group))

    def places(self, tensor: str, group: str) -> tuple[int, ...]:
        """Numbers of the axes of one tensor that mention `group`."""
        return tuple(number for number, axis in enumerate(self.axes[tensor]) if group in names_in(axis))

    def children(self, group: str) -> tuple[str, ...]:
        """Names of the groups nested directly within `group`."""
        return tuple(g.name for g in self.groups.values() if g.within == group)
