"""The common frame that several networks are carried to: their groups under one name, whatever their sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from torch import Tensor

from lmc_core.errors import MismatchError
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.operators import Kind
from lmc_core.symmetry.arrangement import Branches
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum
from lmc_core.symmetry.canonical.canonical import Canonical, form
from lmc_core.symmetry.classes import meet
from lmc_core.symmetry.evidence import held_still, with_kinds
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Template:
    """What models are coupled with: for a pair network A, for many a frame whose numbers are to be found.

    symmetry    its groups
    frame       a network of its widths
    """

    symmetry: Symmetry
    frame: Network

    @property
    def sizes(self) -> dict[str, int]:
        """Group name → how many units."""
        return sizes(self.symmetry)

    def network(self, state: Mapping[str, Tensor]) -> Network:
        """These numbers as a network of the template's widths."""
        return self.frame.with_state(state)


def sizes(symmetry: Symmetry) -> dict[str, int]:
    """Group name → how many units."""
    return {name: group.size for name, group in symmetry.groups.items()}


def resized(symmetry: Symmetry, wanted: Mapping[str, int], names: Mapping[str, str] | None = None) -> Symmetry:
    """The same structure with other group sizes, and other names where given."""
    called = names or {}

    def change(axis: Axis) -> Axis:
        match axis:
            case Group(name, size, within):
                new = called.get(name, name)
                inside = called.get(within, within) if within else None
                return replace(axis, name=new, size=wanted.get(new, size), within=inside)
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
        branches={
            called.get(name, name): Branches(
                branches.tensors,
                {where: change(axis) for where, axis in branches.axes.items()},
                tuple(tuple(called.get(n, n) for n in family) for family in branches.groups),
            )
            for name, branches in symmetry.branches.items()
        },
    )


def symmetries(networks: Sequence[Network]) -> list[Symmetry]:
    """Of every network, in the group names of the first; inferred once per architecture.

    Raises MismatchError naming the first tensor that is there or used in one network only.
    """
    first, *others = networks
    shapes = {name: x.shape for name, x in first.state.items()}
    found = [symmetry(first)]
    for net in others:
        same = net.module is first.module or (net.architecture is not None and net.architecture == first.architecture)
        alike = same and {name: x.shape for name, x in net.state.items()} == shapes
        found.append(common(first, net, found[0], found[0] if alike else symmetry(net)))
    return found


def canonical_pair(a: Network, b: Network, declared: Symmetry | None = None) -> tuple[Network, Network, Symmetry]:
    """Two networks of one shape in canonical form, and the symmetry of both: every group in the class that they share.

    declared   of both, where they cannot be traced

    Raises MismatchError naming the first tensor that is there or used in one network only.
    """
    forms, (both, _) = canonical_forms([a, b], declared)
    return forms[0].network, forms[1].network, both


def canonical_forms(
    networks: Sequence[Network], declared: Symmetry | None = None
) -> tuple[list[Canonical], list[Symmetry]]:
    """Networks in canonical form, and their symmetries in the group names of the first: every group in the class that
    all share, and held what all hold.

    declared   of all, where they cannot be traced

    Raises MismatchError naming the first tensor that is there or used in one network only.
    """
    first, *others = forms = [form(net, declared) for net in networks]
    found = [
        first.symmetry,
        *(common(first.network, other.network, first.symmetry, other.symmetry) for other in others),
    ]
    kinds = {
        name: _shared([each.groups[name].kind for each in found])
        if all(name in each.groups for each in found)
        else None
        for name in first.symmetry.groups
    }
    held = frozenset.intersection(*(each.held for each in found))
    both = {name: kind for name, kind in kinds.items() if kind is not None}
    apart = dict.fromkeys(kinds.keys() - both.keys(), "the networks do not share its class")
    return forms, [held_still(replace(with_kinds(each, both), held=held), apart) for each in found]


def _shared(kinds: Sequence[Kind]) -> Kind | None:
    """What belongs to all of some classes."""
    left: Kind | None = kinds[0]
    for kind in kinds[1:]:
        left = left and meet(left, kind)
    return left


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
                f"tensor {name!r} is used differently: its axes are ({mine}) in {a.source} and ({theirs}) in "
                f"{b.source}; only the numbers of hidden units may differ, and then the networks are fused, not aligned"
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
