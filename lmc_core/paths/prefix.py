"""Which values of a traced network need not be computed again for every t.

Along θ(t) = (1 − t)·θ_A + t·θ_B a value is *constant* if nothing that moves reaches it, and *affine* if, given the
data, it is (1 − t)·value_A + t·value_B: a linear layer or convolution applied to constant values, and whatever
additions, reshapes, transpositions and averages follow. Both are computed at the ends and blended. What follows a
non-linearity, a division by a moving tensor (BatchNorm) or a product of two moving values is neither.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import torch
from torch.fx import Graph, Node

from lmc_core.operators import OPERATORS

CONSTANT, AFFINE, OTHER = range(3)


@dataclass(frozen=True)
class Prefix:
    """Where the shared part of a graph ends.

    constant   values the rest reads that are the same at every t
    affine     values the rest reads that are blended from their two ends
    skipped    values inside the shared part: the rest never looks at them
    tensors    state names the rest reads
    """

    constant: tuple[str, ...]
    affine: tuple[str, ...]
    skipped: tuple[str, ...]
    tensors: frozenset[str]


def prefix(
    graph: Graph,
    tensors: Mapping[str, str],
    inputs: Collection[str],
    *,
    still: Collection[str] = (),
    cut: Collection[str] = (),
    straight: bool = True,
) -> Prefix:
    """The shared part of a traced graph.

    tensors    placeholder → state name
    inputs     placeholders that hold the data
    still      state names that are equal at both ends
    cut        values that are altered, t by t, before anything reads them
    straight   False: the path is not a line, and only constant values are shared
    """
    kinds, reached = _classify(graph, tensors, set(inputs), set(still), set(cut))
    shared = {
        n
        for n in graph.nodes
        if n.op == "call_function" and (kinds[n] == CONSTANT or (straight and kinds[n] == AFFINE and reached[n]))
    }
    rest = [n for n in graph.nodes if n.op == "output" or (n.op == "call_function" and n not in shared)]
    handed = {x for n in rest for x in n.all_input_nodes if x in shared}
    for node in [n for n in handed if not isinstance(n.meta.get("val"), torch.Tensor)]:
        handed.discard(node)  # a tuple: its parts are handed on instead, and it is computed again
        handed.update(x for x in node.all_input_nodes if x in shared)
        shared.discard(node)
        rest.append(node)
    ordered = [n for n in graph.nodes if n in handed]
    read = {x.name for n in rest for x in n.all_input_nodes}
    return Prefix(
        constant=tuple(n.name for n in ordered if kinds[n] == CONSTANT),
        affine=tuple(n.name for n in ordered if kinds[n] == AFFINE),
        skipped=tuple(n.name for n in graph.nodes if n in shared and n not in handed),
        tensors=frozenset(name for placeholder, name in tensors.items() if placeholder in read),
    )


def _classify(
    graph: Graph, tensors: Mapping[str, str], inputs: set[str], still: set[str], cut: set[str]
) -> tuple[dict[Node, int], dict[Node, bool]]:
    """Kind of every value, and whether the data reach it (a blend of parameters alone gains nothing)."""
    written = _written(graph)
    kinds: dict[Node, int] = {}
    reached: dict[Node, bool] = {}
    for node in graph.nodes:
        reached[node] = node.name in inputs or any(reached[x] for x in node.all_input_nodes)
        if node in written:
            kinds[node] = OTHER
        elif node.op == "placeholder":
            kinds[node] = AFFINE if node.name in tensors and tensors[node.name] not in still else CONSTANT
        elif node.op == "get_attr":
            kinds[node] = CONSTANT
        elif node.op == "call_function":
            seen = {x: OTHER if x.name in cut else kinds[x] for x in node.all_input_nodes}
            kinds[node] = _kind(node, seen)
    return kinds, reached


def _kind(node: Node, kinds: Mapping[Node, int]) -> int:
    """Kind of the value an operation makes from the kinds of what it reads."""
    read = [kinds[x] for x in node.all_input_nodes]
    if node.target is operator.getitem:
        return read[0]
    if not isinstance(node.target, torch._ops.OpOverload) or OTHER in read:
        return OTHER
    schema = node.target._schema
    name = schema.name.split("::")[-1]
    given = {arg.name: value for arg, value in zip(schema.arguments, node.args, strict=False)} | node.kwargs
    known = OPERATORS.get(name)
    affine = known.affine if known else ""
    moving = [_worst(given.get(factor), kinds) for factor in known.factors] if known else []
    if affine == "quotient" and given.get("rounding_mode") is None:
        return OTHER if moving[1] else moving[0]
    if affine == "sum":
        return OTHER if given.get("train") else max(read, default=CONSTANT)
    if torch.Tag.nondeterministic_seeded in node.target.tags:
        return OTHER
    if max(read, default=CONSTANT) == CONSTANT:
        return CONSTANT
    if known and affine == "product":
        beside = [_worst(value, kinds) for name, value in given.items() if name not in known.factors]
        return min(OTHER, max(sum(moving), *beside, CONSTANT))
    return OTHER


def _worst(value: object, kinds: Mapping[Node, int]) -> int:
    return max((kinds[x] for x in _nodes(value)), default=CONSTANT)


def _nodes(value: object) -> Iterable[Node]:
    if isinstance(value, Node):
        return (value,)
    if isinstance(value, (list, tuple)):
        return chain.from_iterable(map(_nodes, value))
    return ()


def _written(graph: Graph) -> set[Node]:
    """Values that an in-place operation overwrites, with what they may be views of: never shared."""
    written: set[Node] = set()
    for node in graph.nodes:
        if not isinstance(node.target, torch._ops.OpOverload) or not node.target._schema.is_mutable:
            continue
        for arg, value in zip(node.target._schema.arguments, node.args, strict=False):
            if arg.alias_info is not None and arg.alias_info.is_write:
                todo = list(_nodes(value))
                while todo:
                    seen = todo.pop()
                    if seen not in written:
                        written.add(seen)
                        todo += seen.all_input_nodes[:1] if seen.op == "call_function" else []
    return written
