"""The walk over a graph: one axis term per axis of every value, stated equal by the rule of each operation."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Graph, Node

from lmc_core.graph.decompose import decomposed
from lmc_core.graph.operation import arguments, operator_name
from lmc_core.graph.trace import Trace
from lmc_core.operators import OPERATORS
from lmc_core.symmetry._solver.call import Call, Facts, Reading, Unsupported
from lmc_core.symmetry._solver.terms import (
    PAIRED,
    Misfit,
    Prod,
    Term,
    Var,
    bare,
    find,
    leaves,
    limit,
    mark_used,
    pin,
    pinned,
    uniform,
)
from lmc_core.symmetry._solver.values import Slot, Slots, Value, merged
from lmc_core.symmetry.rotary import Rotation, rotations
from lmc_core.symmetry.rules import RULES
from lmc_core.symmetry.rules.branches import Numbered, told_apart
from lmc_core.symmetry.rules.conv import convolution
from lmc_core.symmetry.rules.create import CONSTANT
from lmc_core.symmetry.rules.linear import linear
from lmc_core.symmetry.rules.order import opaque
from lmc_core.symmetry.rules.recurrent import cell, recurrence

INPUT = "the network's input"
OUTPUT = "the network's output"


def read(
    trace: Trace,
    shapes: Mapping[str, tuple[int, ...]],
    even: Collection[str] = (),
    numbered: Mapping[Node, Numbered] | None = None,
) -> Reading:
    """Visit every operation of a trace in order and let its rule speak.

    shapes     of the tensors of the state
    even       names of those whose entries are all equal
    numbered   operations at which branches are told apart by their number
    """
    once = {trace.tensors[n.name] for n in trace.graph.nodes if n.name in trace.tensors and len(n.users) == 1}
    apart = {trace.tensors[n.name] for n in trace.graph.nodes if n.name in trace.tensors and not _multiplies(n)}
    tensors = {name: _axes_of_state(shape, name in apart) for name, shape in shapes.items()}
    walk = _Walk(Facts(even=frozenset(even) & once), rotations(trace), numbered)
    for node in trace.graph.nodes:
        if node.op == "placeholder":
            walk.env[node] = _source(node, trace, tensors)
    outputs = walk.over(trace.graph)
    for value in outputs:
        for axis in (*value.axes, *([value.points] if value.points else [])):
            pin(axis, OUTPUT)
            mark_used(axis)
    values = {
        node.name: value.axes
        for node, value in walk.env.items()
        if isinstance(value, Value) and node.name not in trace.tensors and node.name not in trace.counted
    }
    return Reading(tensors, values, walk.facts)


MIXING = (linear, convolution, recurrence, cell)


def _multiplies(node: Node) -> bool:
    """Whether a tensor of the state is only read as a weight by operations that leave none of its axes separate per
    index of another, so that nothing of the kind needs to be followed."""
    names = {user: operator_name(user) for user in node.users if user.op == "call_function"}
    return len(names) == len(node.users) and all(
        RULES.get(name) in MIXING and user.args and user.args[0] is not node for user, name in names.items()
    )


def _axes_of_state(shape: tuple[int, ...], apart: bool) -> tuple[Term, ...]:
    """One variable per axis of a tensor of the state.

    apart   until something else is said, units are separate per index of every other axis, as the hidden units of
            experts that lie side by side along an axis of their own
    """
    axes = tuple(map(Var, shape))
    for axis in axes if apart else ():
        others = tuple(other for other in axes if other is not axis and other.size > 1)
        axis.claims = (Prod(others),) if others else None
    return axes


def _source(node: Node, trace: Trace, tensors: Mapping[str, tuple[Term, ...]]) -> Value:
    if node.name in trace.tensors:
        name = trace.tensors[node.name]
        axes = tensors[name]
        slots = tuple((Slot(name, k),) for k in range(len(axes)))
        return Value(axes, slots, node.name, data=False, whole=name)
    if node.name in trace.inputs:
        return Value(tuple(pinned(size, INPUT) for size in node.meta["val"].shape), (), node.name)
    return _known(trace.constants[node.name], node.name)


LARGEST = 2**20
"""Elements of a tensor that is computed while a graph is read."""


def _known(constant: Tensor, name: str = "") -> Value:
    """A tensor whose numbers are known, with what they say of its axes.

    Nothing along axes on which all slices are equal; that two axes are one where re-ordering both alike changes no
    number, as of an identity matrix; else that positions differ.
    """
    axes: list[Term] = []
    alone: list[int] = []
    for number, size in enumerate(constant.shape):
        alike = size > 0 and bool((constant == constant.narrow(number, 0, 1)).all())
        axes.append(uniform(size) if alike else pinned(size, CONSTANT))
        if not alike and size > 1 and constant.numel() <= LARGEST:
            alone.append(number)
    for place, first in enumerate(alone):
        for second in alone[place + 1 :]:
            if _as_one(constant, first, second):
                axes[first] = axes[second] = Var(constant.shape[first], kind="permutation")
    return Value(tuple(axes), (), name, data=False, known=constant)


def _as_one(constant: Tensor, first: int, second: int) -> bool:
    """Whether re-ordering two axes alike changes nothing: an exchange and a turn make every order."""
    size = constant.shape[first]
    if size != constant.shape[second]:
        return False
    swap, turn = torch.arange(size), torch.arange(size).roll(1)
    swap[:2] = torch.tensor([1, 0])
    return all(
        torch.equal(constant, constant.index_select(first, order).index_select(second, order))
        for order in (swap.to(constant.device), turn.to(constant.device))
    )


class _Walk:
    """Values by node, while the graph is visited."""

    def __init__(
        self,
        facts: Facts,
        rotary: Mapping[Node, Rotation] | None = None,
        numbered: Mapping[Node, Numbered] | None = None,
    ) -> None:
        self.facts = facts
        self.numbered = numbered or {}
        self.env: dict[Node, Any] = {}
        self.rotary = rotary or {}
        self.inside = {node for part in self.rotary.values() for node in part.inside}

    def over(self, graph: Graph) -> list[Value]:
        """Visit every node; the tensors the graph returns."""
        for node in graph.nodes:
            if node in self.inside:
                continue
            if node in self.rotary:
                self.env[node] = self._turned(node, self.rotary[node])
            elif node.op == "call_function" and isinstance(node.meta.get("val"), bool | int | float | None):
                self.env[node] = self._number(node)
            elif node.op == "call_function":
                self.env[node] = self._item(node) if node.target is operator.getitem else self._call(node)
            elif node.op == "get_attr":
                self.env.setdefault(node, None)
        found: list[Value] = []
        torch.fx.node.map_arg(graph.output_node().args, lambda n: found.append(self.env[n]))
        return [value for value in found if isinstance(value, Value)]

    def _turned(self, node: Node, part: Rotation) -> Value:
        """A value whose pairs of units a part of the graph turns by known angles."""
        value: Value = self.env[part.start]
        mark_used(value.axes[-1])
        if isinstance(bare(value.axes[-1]), Var):
            limit(value.axes[-1], part.kind)
        else:
            pin(value.axes[-1], PAIRED)
        for axis in part.turned:
            pin(value.axes[axis], CONSTANT)
        return replace(value, name=node.name, whole=None)

    def _item(self, node: Node) -> Any:
        values, index = self.env[node.args[0]], node.args[1]  # type: ignore[index]
        return replace(values[index], name=node.name) if isinstance(values, list) else values  # type: ignore[index]

    def _number(self, node: Node) -> Any:
        """A number that is read from a tensor, or computed of such, or a condition: what was read does not move."""
        for value in (self.env[source] for source in node.all_input_nodes):
            if isinstance(value, Value):
                for axis in (*value.axes, *([value.points] if value.points is not None else [])):
                    pin(axis, POINTED)
                    mark_used(axis)
        return node.meta.get("val")

    def _call(self, node: Node) -> Any:
        shapes = _shapes(node)
        evaluated = self._evaluated(node, shapes)
        if evaluated is not None:
            return evaluated
        given = arguments(node)
        args = torch.fx.node.map_arg(given, lambda n: self.env[n])
        memory = torch.fx.node.map_arg(given, lambda n: n.meta.get("val"))
        name = operator_name(node)
        readers = {operator_name(user) if user.op == "call_function" else user.op for user in node.users}
        outputs = _outputs(node, len(shapes))
        made = Call(name, node.name, dict(args), shapes, self.facts, outputs, readers, dict(memory))
        result = self._apply(made, node)
        for value in made.left():
            for axis in value.axes:
                pin(axis, f"an argument that the rule of {name} does not read")
        points = _carried(made, name, node)
        data = any(value.data for value in made.tensors())
        if not (name in OPERATORS and OPERATORS[name].moves):
            for value in made.tensors():
                for axis in value.axes:
                    mark_used(axis)
        finished = [
            replace(
                value,
                name=node.name,
                data=data,
                slots=((),) * value.ndim if data else _origins(value, made.tensors()),
                whole=None if data else value.whole,
                points=value.points or points,
            )
            for value in (result if isinstance(result, list) else [result])
        ]
        return finished if isinstance(node.meta.get("val"), tuple | list) else finished[0] if finished else None

    def _evaluated(self, node: Node, shapes: list[tuple[int, ...]]) -> Value | None:
        """What an operation on known numbers gives; None if something in it is not known, random, or large."""
        target = node.target
        sources = [self.env[source] for source in node.all_input_nodes]
        known = all(isinstance(value, Value) and value.known is not None for value in sources)
        if not known or len(shapes) != 1 or prod(shapes[0]) > LARGEST or not isinstance(target, torch._ops.OpOverload):
            return None
        unsettled = torch.Tag.nondeterministic_seeded in target.tags or "empty" in target._schema.name
        if unsettled or target._schema.is_mutable or isinstance(node.meta.get("val"), tuple | list):
            return None
        args, named = torch.fx.node.map_arg((node.args, node.kwargs), lambda n: self.env[n].known)
        with torch.no_grad():
            result = target(*args, **named)
        return _known(result, node.name) if isinstance(result, Tensor) else None

    def _apply(self, call: Call, node: Node) -> Any:
        """What the operation's rule says, or the rules of its decomposition; else everything is pinned."""
        if node in self.numbered:
            with suppress(Unsupported, Misfit):
                return told_apart(call, self.numbered[node])
        rule = RULES.get(call.op)
        if rule is not None:
            try:
                result = rule(call)
                made = [v.shape for v in (result if isinstance(result, list) else [result])]
                if made == list(call.shapes):
                    _limit(call, result)
                    return result
            except (Unsupported, Misfit):
                call.followed.clear()
        simpler = self._simpler(call, node)
        if simpler is not None:
            return simpler
        self.facts.unknown.append(call.op)
        return opaque(call)

    def _simpler(self, call: Call, node: Node) -> list[Value] | None:
        found = decomposed(node, arguments(node))
        if found is None:
            return None
        module, inputs = found
        inside = _Walk(self.facts.inside())
        placeholders = [n for n in module.graph.nodes if n.op == "placeholder"]
        inside.env = {p: self.env[source] for p, source in zip(placeholders, inputs, strict=True)}
        for held in module.graph.nodes:
            if held.op == "get_attr":
                inside.env[held] = _known(getattr(module, held.target))
        result = inside.over(module.graph)
        sized = all(isinstance(size, int) for v in result for size in v.shape)  # known before the graph runs
        if inside.facts.unknown or not sized or [v.shape for v in result] != list(call.shapes):
            return None
        for argument, value in call.args.items():
            call.take_list(argument) if isinstance(value, list | tuple) else call.take(argument)
        call.followed.update(map(id, call.tensors()))  # by the operations inside
        return result


POINTED = "its positions are read as numbers"


def _carried(call: Call, name: str, node: Node) -> Term | None:
    """The axis whose positions the result still names: that of its arguments, where they are only moved.

    Else what the arguments name by number cannot move.
    """
    pointers = call.pointers()
    terms = [value.points for value in pointers if value.points is not None]
    moved = name in POINTERS_PASS or (name in OPERATORS and OPERATORS[name].moves)
    numbers = isinstance(val := node.meta.get("val"), Tensor) and not val.is_floating_point()
    listed = isinstance(val, tuple | list)
    alike = len(pointers) == len(call.tensors()) and all(find(term) is find(terms[0]) for term in terms)
    if terms and alike and moved and (numbers or listed):
        return terms[0]
    for term in terms:
        pin(term, f"{POINTED} (aten.{name})")
        mark_used(term)
    return None


POINTERS_PASS = frozenset({"_to_copy", "to", "alias", "clone", "contiguous", "detach"})
"""Operations that hand on whole numbers as they are, beside those that only move them."""


SEES_LENGTHS = {"mean", "sum", "alias", "clone", "contiguous", "detach", "_to_copy", "to"}
"""Operations on squares that see no single one of them, and those that only pass them on."""


def _limit(call: Call, result: Any) -> None:
    """What an operation leaves of the class of every axis it touches, beside what its rule has said."""
    values = [*call.tensors(), *(result if isinstance(result, list) else [result])]
    left = OPERATORS[call.op].leaves if call.op in OPERATORS else "permutation"
    for value in values:
        if left != "general":
            call.limit_all(value, left)
        if value.square and call.op not in SEES_LENGTHS and value in call.tensors():
            call.limit_all(value, "permutation")


def _origins(value: Value, sources: list[Value]) -> tuple[Slots, ...]:
    """Slots of a value made from the state alone: those its rule names, else of every source axis that shares units."""
    if any(value.slots):
        return value.slots
    parts = [(set(leaves(axis)), slots) for v in sources for axis, slots in zip(v.axes, v.slots, strict=True)]
    return tuple(merged(slots for units, slots in parts if units & set(leaves(axis))) for axis in value.axes)


def _shapes(node: Node) -> list[tuple[int, ...]]:
    val = node.meta.get("val")
    listed = val if isinstance(val, tuple | list) else [val]
    return [tuple(v.shape) for v in listed if isinstance(v, Tensor)]


def _outputs(node: Node, count: int) -> list[str | None]:
    """Names under which the outputs of an operation are read."""
    if not isinstance(node.meta.get("val"), tuple | list):
        return [node.name]
    names: list[str | None] = [None] * max(count, 1)
    for user in node.users:
        if user.target is operator.getitem and isinstance(user.args[1], int):
            names[user.args[1]] = user.name
    return names
