"""Rotary positions in a graph (Su 2021): parts that turn pairs of units by known angles, in whatever form.

A part is what lies between two values of one shape and is made of re-arrangements, sums and products with numbers that
the graph holds: halves exchanged, every second unit exchanged, or products of complex numbers. It is one of rotary
positions if the experiment says so: multiplying each pair of units, as a complex number, by another one at every place
before the part is the same as doing so behind it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.fx import Graph, Node

from lmc_core.graph.operation import operator_name
from lmc_core.graph.trace import Trace
from lmc_core.operators import OPERATORS, Kind
from lmc_core.symmetry.classes import COMPLEX, pairs

LONGEST = 40
"""Operations before a product with known angles among which the start of its part is sought."""
LARGEST = 2**24
"""Elements of a value that is computed while a graph is read."""
_SUMS = frozenset({"neg", "add", "sub", "rsub"})
_PRODUCTS = frozenset({"mul", "multiply", "div"})
_RULES = frozenset({"same", "cast_like", "complex_pairs", "real_pairs"})
_PARTS = frozenset({"complex", "real", "imag", "conj"})
_DTYPES = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}


@dataclass(frozen=True, eq=False)
class Rotation:
    """A part of a graph that turns pairs of units on the last axis of a value.

    start    the value before it; it ends at the node that it is listed under
    inside   the nodes between, which nothing else reads
    kind     the class of what commutes with it
    turned   the other axes along which its angles differ
    """

    start: Node
    inside: frozenset[Node]
    kind: Kind
    turned: tuple[int, ...]


def rotations(trace: Trace) -> dict[Node, Rotation]:
    """The node at which a part ends → the part, for all that a graph holds."""
    numbers = _Numbers(trace)
    found: dict[Node, Rotation] = {}
    done: set[Node] = set()
    for node in trace.graph.nodes:
        if node not in done and _turns(node, numbers):
            for start, end, inside in _parts(node, trace.graph, numbers):
                part = _tried(start, end, inside, numbers)
                if part is not None:
                    found[end] = part
                    done |= {*inside, end}
                    break
    return found


class _Numbers:
    """What of a graph depends on nothing but numbers that it holds itself."""

    def __init__(self, trace: Trace) -> None:
        self.constants = trace.constants
        self.known: set[Node] = set()
        self._values: dict[Node, Any] = {}
        for node in trace.graph.nodes:
            sources = node.all_input_nodes
            held = node.op == "placeholder" and node.name in trace.constants
            made = node.op == "call_function" and all(source in self.known for source in sources)
            if held or (made and _settled(node)):
                self.known.add(node)

    def of(self, node: Node) -> Any:
        """The numbers of a known node: a tensor, or several."""
        if node not in self._values:
            if node.op == "placeholder":
                self._values[node] = self.constants[node.name]
            else:
                self._values[node] = _computed(node, {source: self.of(source) for source in node.all_input_nodes})
        return self._values[node]


def _settled(node: Node) -> bool:
    target = node.target
    if target is operator.getitem:
        return True
    val = node.meta.get("val")
    made = [x for x in (val if isinstance(val, list | tuple) else [val]) if isinstance(x, Tensor)]
    if not isinstance(target, torch._ops.OpOverload) or not made or sum(x.numel() for x in made) > LARGEST:
        return False
    unsettled = torch.Tag.nondeterministic_seeded in target.tags or "empty" in target._schema.name
    return not (unsettled or target._schema.is_mutable)


def _computed(node: Node, values: Mapping[Node, Any]) -> Any:
    args, named = torch.fx.node.map_arg((node.args, node.kwargs), lambda source: values[source])
    with torch.no_grad():
        return node.target(*args, **named)  # type: ignore[operator]


def _turns(node: Node, numbers: _Numbers) -> bool:
    """Whether a node multiplies a value by known numbers that differ along the last axis or are complex."""
    if node.op != "call_function" or node in numbers.known or operator_name(node) not in _PRODUCTS:
        return False
    angles = [source for source in node.all_input_nodes if source in numbers.known]
    if len(angles) != 1 or len(node.all_input_nodes) != 2:
        return False
    shape = angles[0].meta["val"].shape
    if not shape or shape[-1] == 1:
        return False
    values = numbers.of(angles[0])
    return values.is_complex() or bool((values != values.narrow(-1, 0, 1)).any())


def _linear(node: Node, numbers: _Numbers) -> bool:
    """Whether a node is linear in the values that are not known."""
    if node.op != "call_function" or node in numbers.known:
        return False
    if node.target is operator.getitem:
        return True
    name = operator_name(node)
    row = OPERATORS.get(name)
    if row is None:
        return False
    unknown = [source for source in node.all_input_nodes if source not in numbers.known]
    if name in _PRODUCTS:
        return len(unknown) == 1
    if name in _SUMS:
        return len(unknown) == len(node.all_input_nodes)
    return row.moves or row.rule in _RULES or name in _PARTS


def _shape(node: Node) -> tuple[int, ...] | None:
    """Of a real tensor."""
    val = node.meta.get("val")
    return tuple(val.shape) if isinstance(val, Tensor) and val.is_floating_point() else None


def _parts(node: Node, graph: Graph, numbers: _Numbers) -> Iterator[tuple[Node, Node, frozenset[Node]]]:
    """(start, end, what is between) of every part around a product that nothing else reads, those with the shortest
    last axis first, of these the ones that start first and end last."""
    place = {one: number for number, one in enumerate(graph.nodes)}
    before: list[Node] = []
    waiting = [source for source in node.all_input_nodes if source not in numbers.known]
    while waiting and len(before) < LONGEST:
        one = max(waiting, key=place.__getitem__)
        waiting = [other for other in waiting if other is not one]
        before.append(one)
        if _linear(one, numbers):
            waiting += [s for s in one.all_input_nodes if s not in numbers.known and s not in waiting]
    starts = [one for one in before if (shape := _shape(one)) and shape[-1] > 2 and shape[-1] % 2 == 0]
    for start in sorted(starts, key=lambda one: (_shape(one)[-1], place[one])):  # type: ignore[index]
        after = _after(start, numbers, place)
        if node not in after:
            continue
        for end in sorted(after, key=place.__getitem__, reverse=True):
            inside = _between(end, after)
            alone = all(user in inside or user is end for one in inside for user in one.users)
            if alone and _shape(end) == _shape(start) and node in {*inside, end}:
                yield start, end, inside


def _after(start: Node, numbers: _Numbers, place: Mapping[Node, int]) -> set[Node]:
    """All that is made of a value and known numbers alone by linear operations."""
    made: set[Node] = set()
    waiting = list(start.users)
    while waiting:
        one = min(waiting, key=place.__getitem__)
        waiting = [other for other in waiting if other is not one]
        sources = [source for source in one.all_input_nodes if source not in numbers.known]
        if one in made or not _linear(one, numbers) or not all(s is start or s in made for s in sources):
            continue
        made.add(one)
        waiting += one.users
    return made


def _between(end: Node, after: set[Node]) -> frozenset[Node]:
    """What of it leads to an end."""
    found: set[Node] = set()
    waiting = [source for source in end.all_input_nodes if source in after]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [source for source in one.all_input_nodes if source in after]
    return frozenset(found)


def _tried(start: Node, end: Node, inside: frozenset[Node], numbers: _Numbers) -> Rotation | None:
    """The part as one of rotary positions, if one pairing commutes with it and the other does not."""
    val = start.meta["val"]
    shape, dtype = tuple(val.shape), val.dtype
    order = [node for node in start.graph.nodes if node in inside or node is end]
    if prod(shape) > LARGEST or dtype not in _DTYPES:
        return None

    def run(x: Tensor) -> Tensor:
        values: dict[Node, Any] = {start: x}
        for node in order:
            for source in node.all_input_nodes:
                if source in numbers.known:
                    values[source] = numbers.of(source)
            values[node] = _computed(node, values)
        return cast(Tensor, values[end].to(x.dtype))

    rng = np.random.default_rng(5)
    device = torch.device("cpu") if val.is_meta else val.device  # a trace from disk is of the CPU
    x = torch.as_tensor(rng.standard_normal(shape)).to(device, dtype)
    before = run(x)
    factors = np.exp(0.3 * rng.standard_normal((*shape[:-1], shape[-1] // 2, 2))) @ np.array([1.0, 1j])
    by = torch.as_tensor(factors).to(device)
    scale = float(before.double().abs().max()) or 1.0
    kinds = [
        kind
        for kind in COMPLEX
        if float((run(_times(x, by, kind).to(dtype)).double() - _times(before, by, kind)).abs().max()) / scale
        <= _DTYPES[dtype]
    ]
    if len(kinds) != 1:
        return None
    same = run(x[(0,) * (len(shape) - 1)].expand(shape).clone())
    turned = tuple(k for k in range(len(shape) - 1) if bool((same != same.narrow(k, 0, 1)).any()))
    return Rotation(start, inside, kinds[0], turned)


def _times(x: Tensor, by: Tensor, kind: Kind) -> Tensor:
    """Every pair of units on the last axis, as a complex number, times another one."""
    found = pairs(kind, x.shape[-1])
    assert found is not None
    first, second = (torch.as_tensor(units, device=x.device) for units in found)
    product = torch.complex(x[..., first].double(), x[..., second].double()) * by
    made = torch.empty(x.shape, dtype=torch.float64, device=x.device)
    made[..., first], made[..., second] = product.real, product.imag
    return made
