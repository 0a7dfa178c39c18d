"""Branches of a graph that compute alike, each with tensors of its own: experts of a mixture, heads kept as modules.

Every node is given a colour: what it computes, from the inputs down to it, and what is computed of it, down to the
outputs. The order of what is added, multiplied, stacked or concatenated is no part of a colour, nor are the positions
at which parts are taken. Nodes whose colour is not unique lie in branches: connected, they are the branches, and those
with the same colours are siblings (colour refinement, Weisfeiler and Leman 1968, on a graph without circles, where two
passes are enough). Whether siblings are really interchangeable is for the rules and the experiment to say.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.graph.trace import Trace

TOGETHER = frozenset({"add", "mul", "maximum", "minimum", "logical_and", "logical_or", "bitwise_and", "bitwise_or"})
"""Operations whose two operands may change places, and that may follow each other in any order."""

ONTO = {"index_add": "self", "index_put": "self", "index_copy": "self", "scatter_add": "self", "slice_scatter": "self"}
"""Operations that write something into a value: the values written one after the other may change places."""

SIDE_BY_SIDE = frozenset({"cat", "stack", "concat", "concatenate", "hstack", "vstack", "dstack", "column_stack"})
"""Operations on a list whose entries are told apart by their places alone."""

PLACES = {
    "select": ("index",),
    "slice": ("start", "end"),
    "narrow": ("start",),
    "eq": ("other",),
    "ne": ("other",),
    "getitem": ("1",),
}
"""Arguments that say which part of a value is taken."""

PARTS = frozenset({"split", "split_with_sizes", "chunk", "tensor_split", "unbind", "unsafe_split", "unsafe_chunk"})
"""Operations whose results are parts of one value; those of others are told apart by more than their places."""


@dataclass(frozen=True)
class Siblings:
    """Branches that compute alike, in the order in which they are numbered, or in which they run.

    tensors   families of state names: the i-th of each belongs to branch i
    taken     nodes that take part i of a value for branch i, or compare with i; with the number of branches
    joined    nodes that put one value of every branch side by side → place of the first of them in the list
    """

    count: int
    tensors: tuple[tuple[str, ...], ...]
    taken: frozenset[Node]
    joined: Mapping[Node, int]


def siblings(trace: Trace) -> list[Siblings]:
    """All sets of sibling branches of a trace that hold tensors of their own, first computed first."""
    graph = _Coloured(trace)
    branches: dict[Hashable, list[list[Node]]] = {}
    for nodes in graph.components():
        branches.setdefault(tuple(sorted(graph.colours[n] for n in nodes)), []).append(nodes)
    return [made for alike in branches.values() if len(alike) > 1 and (made := _siblings(trace, graph, alike))]


class _Coloured:
    """The nodes of a graph with their colours; chains of one operation that may be reordered count as one node."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.order = {node: number for number, node in enumerate(trace.graph.nodes)}
        self.root: dict[Node, Node] = {}
        self.read_as: dict[Node, dict[Node, Hashable]] = {}
        for node in reversed(self.order):
            if (name := _chained(node)) and len(node.users) == 1:
                user = next(iter(node.users))
                if _chained(user) == name and _continues(user, node):
                    self.root[node] = self.root.get(user, user)
        down = self._downwards()
        up = self._upwards(down)
        self.colours = {node: hash((down[node], up[node])) for node in self.order if node in up}
        times = Counter(self.colours.values())
        self.repeated = {node for node, colour in self.colours.items() if times[colour] > 1}
        self.same = self._shared()

    def _downwards(self) -> dict[Node, int]:
        """What every node computes."""
        made: dict[Node, int] = {}
        inner: dict[Node, tuple[int, ...]] = {}  # of a chain so far, its parts
        for node in self.order:
            if node.op in ("placeholder", "get_attr"):
                made[node] = self._source(node)
                continue
            name = _chained(node)
            if name:
                parts = tuple(part for some in self._parts(node, made, inner) for part in some)
                inner[node] = parts
                made[node] = hash((name, tuple(sorted(parts))))
            else:
                made[node] = hash(_written(node, made))
        return made

    def _source(self, node: Node) -> int:
        if (name := self.trace.tensors.get(node.name)) is not None:
            val = node.meta["val"]
            return hash(("state", tuple(val.shape), str(val.dtype), name if not node.users else ""))
        return hash((node.op, node.name))

    def _parts(
        self, node: Node, made: Mapping[Node, int], inner: Mapping[Node, tuple[int, ...]]
    ) -> Iterator[tuple[int, ...]]:
        """What a link of a chain adds to it, with what came before."""
        name, bound = operator_name(node), arguments(node)
        if name in ONTO:
            base = bound[ONTO[name]]
            yield inner[base] if self.root.get(base) and base in inner else (hash(("base", made.get(base))),)
            yield (hash((name, _written(node, {**made, base: 0}))),)
            return
        for operand in (bound["self"], bound["other"]):
            if isinstance(operand, Node) and operand in inner and operand in self.root:
                yield inner[operand]
            else:
                yield (made[operand] if isinstance(operand, Node) else hash(repr(operand)),)

    def _upwards(self, down: Mapping[Node, int]) -> dict[Node, int]:
        """What is computed of every node, the links of a chain left out."""
        made: dict[Node, int] = {}
        for node in reversed(self.order):
            if node.op == "output":
                made[node] = hash("output")
            elif node not in self.root:
                made[node] = hash(tuple(sorted(hash(use) for use in self._uses(node, down, made))))
        return made

    def _uses(self, node: Node, down: Mapping[Node, int], made: Mapping[Node, int]) -> Iterator[Hashable]:
        for user in node.users:
            top = self.root.get(user, user)
            chained = _chained(user)
            place = (
                _onto(user, node)
                if chained in ONTO
                else "part"
                if chained
                else self._places(user)[node]
                if user.op != "output"
                else tuple(k for k, x in enumerate(_leaves(user.args)) if x is node)
            )
            yield down[top], made[top], place

    def _shared(self) -> dict[Node, Node]:
        """Node → the first that computes the very same, of what branches each compute anew although it is none's own;
        such nodes are no part of branches."""
        if not self.repeated:
            return {}
        first: dict[Hashable, Node] = {}
        value: dict[Node, Node] = {}
        for node in self.order:
            value[node] = node
            if node.op == "call_function":
                written = [
                    (str(key), value[leaf].name if isinstance(leaf, Node) else repr(leaf))
                    for key, x in arguments(node).items()
                    for leaf in _leaves(x)
                ]
                value[node] = first.setdefault((operator_name(node), tuple(written)), node)
        times = Counter(value.values())
        same: dict[Node, Node] = {}
        for node in self.order:
            outside = all(x in same or x not in self.repeated for x in node.all_input_nodes)
            if outside and times[value[node]] > 1:
                same[node] = value[node]
        self.repeated -= same.keys()
        return same

    def _places(self, user: Node) -> dict[Node, Hashable]:
        """As what an operation reads each of its nodes; places in a list that only sets things side by side do not
        count."""
        if user not in self.read_as:
            listed = operator_name(user) not in SIDE_BY_SIDE
            places: dict[Node, list[Hashable]] = {}
            for key, x in arguments(user).items():
                for k, leaf in enumerate(_leaves(x)):
                    if isinstance(leaf, Node):
                        places.setdefault(leaf, []).append((key, k * listed))
            self.read_as[user] = {node: tuple(some) for node, some in places.items()}
        return self.read_as[user]

    def components(self) -> list[list[Node]]:
        """The nodes in branches, connected, in the order in which they run."""
        leader = {node: node for node in self.order if node in self.repeated}

        def find(node: Node) -> Node:
            while leader[node] is not node:
                leader[node] = leader[leader[node]]
                node = leader[node]
            return node

        for node in leader:
            for user in node.users:
                top = self.root.get(user, user)
                if top in leader:
                    leader[find(top)] = find(node)
        made: dict[Node, list[Node]] = {}
        for node in leader:
            made.setdefault(find(node), []).append(node)
        return list(made.values())


def _siblings(trace: Trace, graph: _Coloured, alike: list[list[Node]]) -> Siblings | None:
    """Branches of the same colours as siblings; None where they hold no tensors, or are numbered in two ways."""
    branches = [sorted(nodes, key=lambda n: (graph.colours[n], graph.order[n])) for nodes in alike]
    branches.sort(key=lambda nodes: max(graph.order[n] for n in nodes))
    count = len(branches)
    numbers: list[list[int]] = []
    taken: set[Node] = set()
    for row in zip(*branches, strict=True):
        places = [_taken(node) for node in row]
        if all(place == places[0] for place in places):
            continue
        sources = {graph.same.get(source, source) for node in row for source in node.all_input_nodes[:1]}
        if len(sources) != 1 or None in places or (order := _numbering(row, places)) is None:
            return None
        numbers.append(order)
        taken.update(row)
    joined: dict[Node, int] = {}
    lists = dict.fromkeys(
        user for nodes in branches for n in nodes for user in n.users if operator_name(user) in SIDE_BY_SIDE
    )
    owner = {node: number for number, nodes in enumerate(branches) for node in nodes}
    for node in lists:
        if node in owner:
            continue
        entries = [owner.get(x) for x in _leaves(list(arguments(node).values())) if isinstance(x, Node)]
        inside = [k for k, entry in enumerate(entries) if entry is not None]
        if inside != list(range(inside[0], inside[0] + count)):
            return None
        numbers.append(_inverse([e for e in entries if e is not None]))
        joined[node] = inside[0]
    if any(order != numbers[0] or sorted(order) != list(range(count)) for order in numbers):
        return None
    if numbers:
        branches = [nodes for _, nodes in sorted(zip(numbers[0], branches, strict=True), key=lambda pair: pair[0])]
    families = [
        tuple(trace.tensors[n.name] for n in row)
        for row in zip(*branches, strict=True)
        if all(n.name in trace.tensors for n in row)
    ]
    if not families or len({name for family in families for name in family}) != len(families) * count:
        return None
    listed = list(trace.tensors.values())
    families.sort(key=lambda family: listed.index(family[0]))
    return Siblings(count, tuple(families), frozenset(taken), joined)


def _inverse(order: Sequence[int]) -> list[int]:
    return [order.index(k) if k in order else -1 for k in range(len(order))]


def _numbering(row: Sequence[Node], places: Sequence[Any]) -> list[int] | None:
    """The number of the branch of every node, from the places at which they take a part each."""
    name, bound = operator_name(row[0]), arguments(row[0])
    starts = [place[0] if place[0] is not None else 0 for place in places]
    if not all(isinstance(start, int) for start in starts):
        return None
    if name in ("select", "slice", "narrow"):
        whole = bound["self"].meta["val"].shape[bound["dim"]]
        starts = [start % whole if start < 0 else start for start in starts]
    if name in ("slice", "narrow"):
        size = row[0].meta["val"].shape[bound["dim"]]
        if not size or any(start % size for start in starts):
            return None
        starts = [start // size for start in starts]
    return starts


def _taken(node: Node) -> tuple[Any, ...] | None:
    """Which part of a value a node takes; None if it takes none."""
    hidden = _hidden(node)
    found = tuple(arguments(node).get(argument) for argument in hidden)
    return found if hidden and not any(isinstance(x, Node) for x in found) else None


def _hidden(node: Node) -> tuple[str, ...]:
    """The arguments of a node that say which part of a value it takes."""
    name = operator_name(node) if node.op == "call_function" else ""
    if name == "getitem" and not (isinstance(node.args[0], Node) and operator_name(node.args[0]) in PARTS):
        return ()
    return PLACES.get(name, ())


def _chained(node: Node) -> str:
    """The operation of a node that may change places with others of its kind; nothing if it may not."""
    if node.op != "call_function" or node.target is operator.getitem:
        return ""
    name = operator_name(node)
    if name in TOGETHER:
        return name if arguments(node).get("alpha", 1) == 1 else ""
    return name if name in ONTO else ""


def _continues(user: Node, node: Node) -> bool:
    """Whether a link of a chain goes on from a node, and does not write it into another value."""
    name = operator_name(user)
    return name not in ONTO or _onto(user, node) == "base"


def _onto(user: Node, node: Node) -> str:
    bound = arguments(user)
    if bound[ONTO[operator_name(user)]] is node:
        return "base"
    return ",".join(key for key, x in bound.items() if any(leaf is node for leaf in _leaves(x)))


def _written(node: Node, made: Mapping[Node, int]) -> Hashable:
    """An operation with the colours of its arguments, without the places at which it takes parts."""
    name = operator_name(node) if node.op == "call_function" else node.op
    bound = arguments(node) if node.op == "call_function" else dict(enumerate(node.args))
    hidden = _hidden(node)
    said = []
    for key, x in bound.items():
        if str(key) in hidden and not isinstance(x, Node):
            continue
        leaves = [made.get(leaf, 0) if isinstance(leaf, Node) else repr(leaf) for leaf in _leaves(x)]
        if name in SIDE_BY_SIDE and isinstance(x, list | tuple):
            leaves.sort(key=str)
        said.append((key, tuple(leaves)))
    return name, tuple(said)


def _leaves(x: Any) -> Iterator[Any]:
    """What an argument holds, list in list."""
    if isinstance(x, list | tuple):
        for part in x:
            yield from _leaves(part)
    else:
        yield x
