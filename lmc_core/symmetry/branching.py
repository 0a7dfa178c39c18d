"""Groups whose units are whole branches of a network: experts with the rows of their router, heads kept as modules.

Branches that compute alike are found in the graph (`siblings.py`). Which axes of other tensors number them is asked of
the rules: the graph is read again, and where a branch takes its part of an axis, or is put beside the others, that axis
is one variable for all. What cannot move then, such as an output per branch, is no group; the rest is for the
experiment that every group passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from torch.fx import Node

from lmc_core.graph.operation import operator_name
from lmc_core.graph.trace import Trace
from lmc_core.symmetry._solver.call import Reading
from lmc_core.symmetry._solver.freeze import written
from lmc_core.symmetry._solver.terms import Var, bare, find, leaves
from lmc_core.symmetry.arrangement import Branches
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, names_in
from lmc_core.symmetry.rules.branches import Numbered
from lmc_core.symmetry.siblings import Siblings, siblings
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.walk import read


def branched(trace: Trace, shapes: Mapping[str, tuple[int, ...]], found: Symmetry) -> Symmetry:
    """A Symmetry with a group for every set of branches that compute alike, not yet verified.

    shapes   of the tensors of the state
    """
    sets = siblings(trace)
    if not sets:
        return found
    numbers = [Var(each.count, kind="permutation") for each in sets]
    marked = {node: at for each, var in zip(sets, numbers, strict=True) for node, at in _marks(each, var)}
    reading = read(trace, shapes, (), marked)
    together: dict[Var, list[Siblings]] = {}
    for each, var in zip(sets, numbers, strict=True):
        root = bare(var)
        if isinstance(root, Var) and root.why is None:
            together.setdefault(root, []).append(each)
    for root, some in together.items():
        found = _with(found, reading, root, [family for each in some for family in each.tensors])
    return found


def _marks(each: Siblings, branches: Var) -> Iterator[tuple[Node, Numbered]]:
    for node in each.taken:
        source = node.args[0]
        whole = operator_name(node) == "getitem"
        if whole and isinstance(source, Node) and len(source.meta["val"]) != each.count:
            continue
        yield (source if whole and isinstance(source, Node) else node), Numbered(branches)
    for node, first in each.joined.items():
        yield node, Numbered(branches, first)


def _with(found: Symmetry, reading: Reading, root: Var, families: Sequence[tuple[str, ...]]) -> Symmetry:
    """The Symmetry with one more group, or as it is where what lies within the branches is not alike."""
    own = {name for family in families for name in family}
    groups = groups_within(found, families)
    if groups is None:
        return found
    numbered = [
        (name, number)
        for name, terms in reading.tensors.items()
        if name not in own
        for number, term in enumerate(terms)
        if root in leaves(term)
    ]
    name = _name(found, families, numbered)
    group = Group(name, root.size)
    axes = {(t, k): written(find(reading.tensors[t][k]), {root: group}) for t, k in numbered}
    shown = {
        tensor: tuple(
            axes[tensor, k] if (tensor, k) in axes and isinstance(axis, Fixed) else axis for k, axis in enumerate(some)
        )
        for tensor, some in found.axes.items()
    }
    freed = {(tensor, k) for tensor, k in axes if isinstance(found.axes[tensor][k], Fixed)}
    return replace(
        found,
        groups={**found.groups, name: group},
        axes=shown,
        pinned=tuple(pin for pin in found.pinned if (pin.tensor, pin.axis) not in freed),
        branches={**found.branches, name: Branches(tuple(families), axes, groups)},
    )


def groups_within(found: Symmetry, families: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...] | None:
    """Families of the groups within branches; None if branches differ in them."""
    count = len(families[0])
    called: list[dict[str, str]] = [{} for _ in range(count)]
    for first, *others in families:
        for number, other in enumerate(others, 1):
            pairs = zip(found.axes[first], found.axes[other], strict=True)
            if not all(_alike(x, y, called[number]) for x, y in pairs):
                return None
    names = dict.fromkeys(n for first, *_ in families for n in sorted(names_in(*found.axes[first])))
    rows = [(name, *(each[name] for each in called[1:])) for name in names]
    return tuple(row for row in rows if len(set(row)) == count)


def _alike(x: Axis, y: Axis, called: dict[str, str]) -> bool:
    """One structure, with the groups of x always standing for the same groups of y."""
    match x, y:
        case Fixed(), Fixed():
            return x.size == y.size
        case Group(), Group():
            return (x.size, x.kind, x.dual) == (y.size, y.kind, y.dual) and called.setdefault(x.name, y.name) == y.name
        case (Product(parts), Product(others)) | (Sum(parts), Sum(others)):
            return len(parts) == len(others) and all(_alike(p, q, called) for p, q in zip(parts, others, strict=True))
    return False


def _name(found: Symmetry, families: Sequence[tuple[str, ...]], numbered: Sequence[tuple[str, int]]) -> str:
    """The innermost module that holds all branches, or the tensor that numbers them first."""
    paths = [name.split(".")[:-1] for family in families for name in family]
    shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))
    stem = ".".join(parts[0] for parts in shared)
    stem = stem or (numbered[0][0].rpartition(".")[0] if numbered else "") or "branches"
    name, number = stem, 2
    while name in found.groups:
        name, number = f"{stem}.{number}", number + 1
    return name
