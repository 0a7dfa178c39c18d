"""Attention as a graph shows it: which values are its keys and values, and whether softmax runs over the keys' time.

It may be one operation or its parts, softmax(q kᵀ) v: labels are carried through scores and weights to see that a
softmax normalises over one axis of the keys alone, and that this axis is the one that its result contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.operators import OPERATORS
from lmc_core.symmetry.canonical.flow import NOTHING, Reader, constant, flow, shape
from lmc_core.symmetry.canonical.uses import Uses

ONE_OPERATION = "scaled_dot_product_attention"
SOFTMAX = ("softmax", "_softmax", "_safe_softmax")
DROPPED = "attention drops weights at random there"
LOWEST = -1e4
"""Scores below it are those of what is not attended to."""
BESIDE = "at some times its attention reads keys or values of another origin"


@dataclass(frozen=True)
class Product:
    """A product of two values of the data, from one of them.

    own       axes of this operand that only it has and the result keeps; out: the same in the result
    gone      the axes of this operand that are contracted; other: argument that is the other operand
    """

    own: tuple[int, ...]
    out: tuple[int, ...]
    gone: tuple[int, ...]
    other: str


def product(node: Node, argument: str) -> Product | None:
    """How an operation contracts one of its arguments with another value."""
    name, given = operator_name(node), arguments(node)
    pairs = {
        "matmul": ("self", "other"),
        "mm": ("self", "mat2"),
        "bmm": ("self", "mat2"),
        "baddbmm": ("batch1", "batch2"),
    }
    if name in pairs and argument in pairs[name]:
        first, second = pairs[name]
        rank, ranks = len(shape(node)), [len(shape(given[k])) for k in (first, second)]
        if min(ranks) < 2:
            return None
        if argument == first:
            return Product((ranks[0] - 2,), (rank - 2,), (ranks[0] - 1,), second)
        return Product((ranks[1] - 1,), (rank - 1,), (ranks[1] - 2,), first)
    if (
        name == "einsum"
        and argument.startswith("tensors.")
        and len(given["tensors"]) == 2
        and "." not in given["equation"]
    ):
        inputs, arrow, output = given["equation"].replace(" ", "").partition("->")
        number = int(argument.rpartition(".")[2])
        mine, theirs = inputs.split(",")[number], inputs.split(",")[1 - number]
        own = [c for c in mine if c not in theirs and c in output]
        gone = tuple(k for k, c in enumerate(mine) if c not in output)
        if arrow and len(set(mine)) == len(mine) and all(mine[k] in theirs for k in gone):
            return Product(
                tuple(mine.index(c) for c in own), tuple(output.index(c) for c in own), gone, f"tensors.{1 - number}"
            )
    return None


class Attending:
    """What is known of the attention of a graph."""

    def __init__(self, uses: Uses) -> None:
        self.uses = uses
        self.graph = uses.trace.graph
        self.weights: dict[tuple[Node, str], tuple[Tensor, int]] = {}
        for node in self.graph.nodes:
            if node.op == "call_function" and operator_name(node) in SOFTMAX:
                dim = int(arguments(node)["dim"]) % len(shape(node))
                for reader in flow(self.graph, {node: _all_but(node, (dim,))}):
                    self.weights[reader.node, reader.argument] = (reader.labels, shape(node)[dim])

    def ignored(self, reader: Reader) -> str | None:
        """Whether softmax ignores a vector added to every key: "" if so, why not, None where it is no key.

        reader   where the numbers arrive, labelled by their positions in the vector
        """
        if operator_name(reader.node) == ONE_OPERATION:
            if reader.argument != "key":
                return None
            return _dropping(reader.node) or ("" if constant(reader.labels, (reader.labels.ndim - 2,)) else BESIDE)
        found = product(reader.node, reader.argument)
        if found is None or not found.own or _operand(reader.node, found.other) not in self.uses.data:
            return None
        ends = flow(self.graph, {reader.node: _all_but(reader.node, found.out)}, self._scores)
        over = [r for r in ends if operator_name(r.node) in SOFTMAX]
        if len(over) < len(ends) or not ends:
            return None
        if not all(constant(r.labels, (int(arguments(r.node)["dim"]) % r.labels.ndim,)) for r in over):
            return None  # a query
        return "" if constant(reader.labels, found.own) else BESIDE

    def handed_on(self, reader: Reader) -> Tensor | str | None:
        """Labels of the result of attention that hands a vector added to every value on as it is; why it does not;
        None where it is no value."""
        node, labels = reader.node, reader.labels
        if operator_name(node) == ONE_OPERATION:
            if reader.argument != "value":
                return None
            if not constant(labels, (labels.ndim - 2,)):
                return BESIDE
            return _dropping(node) or _run(node, {"query": 0.0, "key": 0.0, "value": labels, "attn_mask": None})
        found = product(node, reader.argument)
        if found is None or (node, found.other) not in self.weights:
            return None
        weights, size = self.weights[node, found.other]
        theirs = product(node, found.other)
        if theirs is None or not constant(weights, theirs.gone):
            return None
        if [weights.shape[k] for k in theirs.gone] != [size] or not constant(labels, found.gone):
            return BESIDE
        return _run(node, {"self": 0.0, reader.argument: labels, found.other: 1.0 / size})

    def _scores(self, node: Node, arriving: Mapping[str, Tensor]) -> Tensor | None:
        """Labels of scores through what adds to them, scales all of them, or leaves some out."""
        name, given = operator_name(node), arguments(node)
        argument, labels = next(iter(arriving.items()))
        if len(arriving) > 1 or labels.shape != shape(node):
            return None
        if name in ("mul", "div"):
            return scaled(node, arriving)
        if name == "add" or (name == "sub" and argument == "self"):
            return labels
        filled = {("masked_fill", "self"): "value", ("where", "self"): "other", ("where", "other"): "self"}
        instead = filled.get((name, argument))
        return labels if instead and self._lowest(given[instead]) else None

    def _lowest(self, value: object) -> bool:
        """Whether a number, or all of a tensor known from the graph alone, is so low that softmax makes it zero."""
        if not isinstance(value, Node):
            return isinstance(value, int | float) and value <= LOWEST
        if value.name in self.uses.trace.constants:
            return bool((self.uses.trace.constants[value.name] <= LOWEST).all())
        if value.op == "call_function" and operator_name(value) in ("full", "full_like", "scalar_tensor"):
            given = arguments(value)
            return self._lowest(given.get("fill_value", given.get("s")))
        moved = value.op == "call_function" and OPERATORS.get(operator_name(value))
        if moved and (moved.moves or moved.rule == "same") and len(value.all_input_nodes) == 1:
            return self._lowest(value.all_input_nodes[0])
        return False


def _all_but(node: Node, axes: tuple[int, ...]) -> Tensor:
    """Labels of a value that differ wherever another than these axes differs."""
    size = [1 if k in axes else n for k, n in enumerate(shape(node))]
    return torch.arange(int(torch.tensor(size).prod())).view(size).expand(shape(node))


def _operand(node: Node, argument: str) -> Node | None:
    name, dot, number = argument.partition(".")
    value = arguments(node)[name]
    found = value[int(number)] if dot else value
    return found if isinstance(found, Node) else None


def _dropping(node: Node) -> str:
    return DROPPED if arguments(node).get("dropout_p") else ""


def scaled(node: Node, arriving: Mapping[str, Tensor]) -> Tensor | None:
    """Labels through a product with one number for all positions."""
    other = arguments(node).get("other")
    if (
        operator_name(node) not in ("mul", "div")
        or "self" not in arriving
        or (isinstance(other, Node) and shape(other))
    ):
        return None
    return arriving["self"]


def _run(node: Node, given: Mapping[str, Tensor | float | None]) -> Tensor:
    """Labels of the result of an average of equal ones: the operation itself, computed on labels.

    given   argument → labels, or one number for all its positions
    """

    def filled(name: str, value: object) -> object:
        if isinstance(value, list | tuple):
            return [filled(f"{name}.{k}", one) for k, one in enumerate(value)]
        if not isinstance(value, Node):
            return value
        new = given.get(name)
        if isinstance(new, Tensor):
            return new.double()
        return None if new is None else torch.full(shape(value), new, dtype=torch.float64)

    bound = {name: filled(name, value) for name, value in arguments(node).items()}
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    args = [bound[a.name] for a in schema if not a.kwarg_only and a.name in bound]
    named = {a.name: bound[a.name] for a in schema if a.kwarg_only and a.name in bound}
    result = node.target(*args, **named).round().long()  # type: ignore[operator]
    return torch.where(result < 0, NOTHING, result)
