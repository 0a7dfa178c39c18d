"""Where numbers go: labels put on the positions of a value and carried through every operation that only moves them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import Graph, Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.operators import OPERATORS

NOTHING = -1
"""The label of a position whose number comes from elsewhere."""


@dataclass(frozen=True, eq=False)
class Reader:
    """An operation that does more with labelled numbers than move them.

    node       of the operation; the graph's output node where they are what the network returns
    argument   name of the argument they are, "tensors.1" inside a list
    labels     of that argument's shape; NOTHING where its numbers come from elsewhere
    """

    node: Node
    argument: str
    labels: Tensor

    @property
    def named(self) -> str:
        """The operation in words."""
        return "the network's output" if self.node.op == "output" else f"aten.{operator_name(self.node)}"


Through = Callable[[Node, Mapping[str, Tensor]], Tensor | None]
"""What an operation leaves of the labels of its arguments, by name; None if it stops them."""


def flow(graph: Graph, start: Mapping[Node, Tensor], through: Through | None = None) -> list[Reader]:
    """Every operation that reads the labelled numbers, each with the labels as they arrive there.

    start     node → labels of its value
    through   what else, beside moving, lets labels pass
    """
    env: dict[Node, Any] = dict(start)
    found: list[Reader] = []
    for node in graph.nodes:
        if node in start or node.op == "placeholder" or not any(source in env for source in _sources(node)):
            continue
        passed = _moved(node, env) if node.op == "call_function" else None
        arriving = dict(_arriving(node, env)) if passed is None else {}
        if passed is None and through is not None and node.op == "call_function":
            passed = through(node, arriving)
        if passed is None:
            found += [Reader(node, argument, labels) for argument, labels in arriving.items()]
        else:
            env[node] = passed
    return found


LAYER_NORMS = ("layer_norm", "native_layer_norm")
GROUP_NORMS = ("group_norm", "native_group_norm")
RMS_NORMS = ("rms_norm", "_fused_rms_norm")


def result(node: Node) -> Node | None:
    """The node of an operation's value, the first of several; None if nothing reads it."""
    if isinstance(node.meta.get("val"), Tensor):
        return node
    return next((user for user in node.users if user.target is operator.getitem and user.args[1] == 0), None)


def shape(node: Node) -> tuple[int, ...]:
    """The shape of a node's value."""
    return tuple(node.meta["val"].shape)


def _arriving(node: Node, env: Mapping[Node, Any]) -> Iterator[tuple[str, Tensor]]:
    """Labelled arguments by name."""
    named = arguments(node) if node.op == "call_function" else {str(k): a for k, a in enumerate(node.args)}
    for name, value in named.items():
        listed = enumerate(value) if isinstance(value, list | tuple) else [(None, value)]
        for number, one in listed:
            if isinstance(one, Node) and isinstance(env.get(one), Tensor):
                yield name if number is None else f"{name}.{number}", env[one]


_READS_NUMBERS_TOO = frozenset({"index", "index_select", "_unsafe_index"})
"""Operations that move numbers to places which another argument names."""


def _sources(node: Node) -> list[Node]:
    """The nodes whose numbers an operation reads: not those whose type alone matters."""
    known = OPERATORS.get(operator_name(node)) if node.op == "call_function" else None
    cast = known is not None and known.rule == "cast_like" and isinstance(node.args[0], Node)
    return [node.args[0]] if cast else node.all_input_nodes  # type: ignore[list-item]


def _moved(node: Node, env: Mapping[Node, Any]) -> Any:
    """Labels of the result of an operation that only moves numbers; None of any other."""
    name = operator_name(node)
    known = OPERATORS.get(name)
    if node.target is operator.getitem:
        return env[node.args[0]][node.args[1]]  # type: ignore[index]
    if known is None:
        return None
    given = arguments(node)
    if (
        known.rule in ("same", "cast_like")
        and isinstance(node.meta.get("val"), Tensor)
        and node.meta["val"].is_floating_point()
    ):
        return env.get(node.args[0])  # type: ignore[arg-type]
    if known.rule == "dropout" and not given.get("train", True) and isinstance(node.meta.get("val"), Tensor):
        return env.get(node.args[0])  # type: ignore[arg-type]
    if not (known.moves or name in ("roll", "flip")) or name in _READS_NUMBERS_TOO:
        return None

    def filled(source: Node) -> Any:
        value = env.get(source)
        if value is None and isinstance(source.meta.get("val"), Tensor):
            return torch.full(shape(source), NOTHING)
        return value

    if name in ("view", "_unsafe_view"):  # labels may lie in memory in another way than the numbers
        return env[node.args[0]].reshape(given["size"])  # type: ignore[index]
    args, named = torch.fx.node.map_arg((node.args, node.kwargs), filled)
    return node.target(*args, **named)  # type: ignore[operator]


def averaged(node: Node, arriving: Mapping[str, Tensor]) -> Tensor | None:
    """Labels through a mean over positions that all have the same one."""
    if operator_name(node) != "mean" or "self" not in arriving:
        return None
    labels, dims = arriving["self"], arguments(node).get("dim")
    if not dims or not labels.numel() or bool((labels.amin(dims) != labels.amax(dims)).any()):
        return None
    return labels.amin(dims, keepdim=bool(arguments(node).get("keepdim", False)))


def constant(labels: Tensor, dims: tuple[int, ...]) -> bool:
    """Whether labels do not change along some axes; those of a value without elements tell nothing."""
    return not dims or (bool(labels.numel()) and bool((labels.amin(dims) == labels.amax(dims)).all()))
