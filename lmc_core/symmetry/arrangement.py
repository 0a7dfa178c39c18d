"""Which units sit where: the groups of a network and, for every tensor, one expression per axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lmc_core.symmetry.axis import Axis, Group, names_in


@dataclass(frozen=True)
class Branches:
    """What moves with a group whose units are whole branches of the network, such as the experts of a mixture.

    It moves first: the tensors of branch i become those of branch perm[i], and so do the parts of other tensors that
    belong to it. What is within a branch moves after that, at its new place.

    tensors   families of state names, as a stack whose slices lie apart: the i-th of each belongs to branch i
    axes      (state name, axis number) → the axis of a tensor outside the branches on which they are numbered, as the
              rows of a router are, with nothing but the branches as a group
    groups    families of names of groups, likewise: those within branch i
    """

    tensors: tuple[tuple[str, ...], ...]
    axes: Mapping[tuple[str, int], Axis] = field(default_factory=dict)
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Arrangement:
    """Groups of interchangeable units, and the axes that carry them: all that moving units needs to know.

    groups     name → Group, in the order in which the network first writes them; groups of branches last
    axes       state name → one axis expression per tensor axis
    branches   name of a group whose units are branches → what moves with them
    """

    groups: Mapping[str, Group]
    axes: Mapping[str, tuple[Axis, ...]]
    branches: Mapping[str, Branches] = field(default_factory=dict, kw_only=True)

    def slots(self, group: str) -> tuple[tuple[str, int], ...]:
        """(state name, axis number) of every tensor axis that mentions `group`."""
        return tuple((name, number) for name in self.axes for number in self.places(name, group))

    def places(self, tensor: str, group: str) -> tuple[int, ...]:
        """Numbers of the axes of one tensor that mention `group`."""
        return tuple(number for number, axis in enumerate(self.axes[tensor]) if group in names_in(axis))

    def children(self, group: str) -> tuple[str, ...]:
        """Names of the groups nested directly within `group`."""
        return tuple(g.name for g in self.groups.values() if g.within == group)
