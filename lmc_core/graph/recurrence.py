"""How a recurrent operation of many layers and directions becomes one call per layer and direction.

Hidden sequences between layers are then values of the graph, like every other activation.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Graph, Node

aten = torch.ops.aten
KERNELS = (aten.lstm.input, aten.gru.input, aten.rnn_tanh.input, aten.rnn_relu.input)


def split_recurrence(graph: Graph) -> None:
    """Rewrite, in place, every recurrent call with several layers or directions."""
    for node in list(graph.nodes):
        if node.op == "call_function" and node.target in KERNELS:
            _split(graph, node)


def _split(graph: Graph, node: Node) -> None:
    arguments: tuple[Any, ...] = node.args
    x, states, params, has_biases, layers, _, _, bidirectional, batch_first = arguments
    directions = 2 if bidirectional else 1
    if layers == 1 and directions == 1:
        return
    many = isinstance(states, list | tuple)
    states = list(states) if many else [states]
    time = 1 if batch_first else 0
    per_cell = len(params) // (layers * directions)
    ends: list[list[Node]] = [[] for _ in states]

    with graph.inserting_before(node):

        def emit(target: Any, *args: Any) -> Node:
            made = graph.call_function(target, args)
            values = torch.fx.node.map_arg(args, lambda n: n.meta["val"])
            made.meta["val"] = target(*values)
            return made

        def item(source: Node, index: int) -> Node:
            made = graph.call_function(operator.getitem, (source, index))
            made.meta["val"] = source.meta["val"][index]
            return made

        def step(source: Node, start: list[Node], own: list[Node]) -> Node:
            initial = start if many else start[0]
            made = graph.call_function(
                node.target,  # type: ignore[arg-type]
                (source, initial, own, has_biases, 1, 0.0, False, False, batch_first),
            )
            shape = (*source.meta["val"].shape[:-1], start[0].meta["val"].shape[-1])
            made.meta["val"] = (source.meta["val"].new_empty(shape), *(s.meta["val"] for s in start))
            return made

        value = x
        for layer in range(layers):
            sequences = []
            for direction in range(directions):
                cell = layer * directions + direction
                own = list(params[cell * per_cell : (cell + 1) * per_cell])
                start = [emit(aten.slice.Tensor, s, 0, cell, cell + 1) for s in states]
                source = emit(aten.flip.default, value, [time]) if direction else value
                call = step(source, start, own)
                sequence = item(call, 0)
                for number in range(len(states)):
                    ends[number].append(item(call, number + 1))
                sequences.append(emit(aten.flip.default, sequence, [time]) if direction else sequence)
            value = emit(aten.cat.default, sequences, -1) if directions == 2 else sequences[0]
        results = [value, *(emit(aten.cat.default, parts, 0) for parts in ends)]

    for user in list(node.users):
        user.replace_all_uses_with(results[user.args[1]])  # type: ignore[index]
        graph.erase_node(user)
    graph.erase_node(node)
