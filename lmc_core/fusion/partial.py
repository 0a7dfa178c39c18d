"""Networks that share their first layers and part after them: the graph of a trunk with one head per model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx import Graph, Node

from lmc_core.alignment.coupling import Couplings, permutations
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result
from lmc_core.errors import SettingError
from lmc_core.graph.trace import state_names
from lmc_core.networks.network import Network, network
from lmc_core.networks.program import Traced, traced_module
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.permute import index, invert
from lmc_core.symmetry.symmetry import Symmetry

INPUT = "input"
"""Where models part that share nothing."""


def parted(problem: Problem, whole: Result, found: Sequence[Couplings], after: str, heads: str) -> Result:
    """What is fused with one trunk up to a group, and after it the layers of every model as they were.

    found    per model, the couplings of the groups of the trunk

    Where a trunk value is handed on, head i reads the unit of the trunk that each of its units went into (the unmerge
    of Stoica 2023), on whatever axes and in whatever layout the units are.

    after    the group whose first layer is the last of the trunk; "input": no trunk
    heads    "mean": Σ λ_i f_i, an ordinary output; "apart": all f_i beside each other, (b, models, …)

    Raises SettingError where the graph cannot be parted there.
    """
    made = _parted(problem, found, whole.state, after, heads)
    alone = (
        _parted(replace(problem, models=(model,), weights=(1.0,)), [known], whole.state, after, "mean")
        for model, known in zip(problem.models, found, strict=True)
    )
    return replace(whole, network=made, alone=tuple(alone))


def _parted(
    problem: Problem, found: Sequence[Couplings], trunk: Mapping[str, Tensor], after: str, heads: str
) -> Network:
    first = problem.models[0].network
    module = traced_module(first.module, first.state, first.example_inputs)
    names = state_names(first)
    plan = _Plan(module.graph, names, problem.models[0].symmetry, after)
    root, graph = nn.Module(), Graph()
    inside: dict[Node, Node] = {}
    for node in plan.trunk:
        inside[node] = _copied(graph, node, inside, root, module, "trunk", names, trunk)
    outputs = []
    for number, (model, known) in enumerate(zip(problem.models, found, strict=True)):
        perms = unmerged(known, model.symmetry)
        env = {
            node: _handed_on(graph, node, inside[node], problem.symmetry, perms, root, number) for node in plan.crossing
        }
        for node in plan.rest:
            env[node] = _copied(graph, node, env, root, module, f"head{number}", names, model.network.state)
        outputs.append(env[plan.output])
    graph.output(_together(graph, outputs, problem.weights, heads))
    graph.eliminate_dead_code()
    made = Traced(root, graph).to(first.device)
    return network(made, first.example_inputs, normalize=first.normalize, source="partial zip")


def unmerged(known: Couplings, symmetry: Symmetry) -> dict[str, NDArray[np.int64]]:
    """Group → for every unit of the model, the unit of the trunk it went into."""
    perms = permutations(known)
    back = invert(perms, symmetry)
    return {n: back[n] if n in perms else c.matrix.argmax(0).astype(np.int64) for n, c in known.items()}


def trunk_of(symmetry: Symmetry, after: str) -> frozenset[str]:
    """The groups that are zipped: all if no name is given, none before the input. Raises SettingError."""
    if not after:
        return frozenset(symmetry.groups)
    return frozenset() if after == INPUT else frozenset(_up_to(symmetry, after))


class _Plan:
    """Which nodes of a graph make the trunk, which the heads, and what goes from one to the other.

    trunk      in order, parameters included; `rest` likewise, for every head again
    crossing   values of the trunk that the rest reads
    output     the value that is returned
    """

    def __init__(self, graph: Graph, names: Mapping[str, str], symmetry: Symmetry, after: str) -> None:
        nodes = [n for n in graph.nodes if n.op != "call_module"]  # guards on the shape of the input
        fed: set[Node] = set()
        for node in nodes:
            if node.op == "placeholder" or fed.intersection(node.all_input_nodes):
                fed.add(node)
        returned = list(graph.output_node().all_input_nodes)
        if len(returned) != 1:
            raise SettingError(f"only networks with one output can be parted; this one has {len(returned)}")
        (self.output,) = returned
        place = {node: number for number, node in enumerate(nodes)}
        end = _end(nodes, place, fed, names, symmetry, after)
        early = [n for n in nodes if n in fed and n.op != "output" and place[n] < end]
        late = [n for n in nodes if n in fed and n.op != "output" and place[n] >= end]
        read = {x for n in late for x in n.all_input_nodes} | {self.output}
        self.crossing = [n for n in early if n in read]
        self.trunk = [n for n in nodes if n in set(early) | _needed(early, fed)]
        self.rest = [n for n in nodes if n in set(late) | _needed(late, fed)]
        read_here = [names.get(str(n.target), "") for n in self.trunk if n.op == "get_attr"]
        zipped = names_in(*(axis for name in read_here for axis in symmetry.axes.get(name, ())))
        if more := zipped - trunk_of(symmetry, after):
            name = next(iter(more))
            raise SettingError(f"{after!r} and {name!r} are computed by one operation: part after {name!r}")


def _up_to(symmetry: Symmetry, after: str) -> set[str]:
    """Groups written no later than one of them, those nested in them included."""
    order = [name for name, group in symmetry.groups.items() if group.within is None]
    if after not in order:
        raise SettingError(f"the networks cannot part after {after!r}; choose {INPUT}, {', '.join(order)}")
    known: set[str] = set(order[: order.index(after) + 1])
    for name, group in symmetry.groups.items():
        if group.within in known:
            known.add(name)
    return known


def _end(
    nodes: Sequence[Node],
    place: Mapping[Node, int],
    fed: set[Node],
    names: Mapping[str, str],
    symmetry: Symmetry,
    after: str,
) -> int:
    """Where the trunk ends: at the first layer behind the one that writes the group `after` first."""
    layers: dict[int, set[str]] = {}
    for contraction in symmetry.contractions:
        for node in nodes:
            if node.op == "get_attr" and names.get(str(node.target)) == contraction.weight:
                for user in _readers(node, fed):
                    written = symmetry.axes[contraction.weight][contraction.write]
                    layers.setdefault(place[user], set()).update(names_in(written))
    if after == INPUT:
        return min((p for p in (*layers, *(place[n] for n in fed if n.op == "call_function"))), default=0)
    _up_to(symmetry, after)
    start = next((p for p in sorted(layers) if after in layers[p]), None)
    if start is None:
        raise SettingError(f"no layer of its own writes {after!r}: the networks cannot part there")
    return min((p for p in layers if p > start), default=len(nodes))


def _readers(node: Node, fed: set[Node]) -> Iterable[Node]:
    """The operations on data that a parameter enters, through those on parameters alone."""
    for user in node.users:
        if user in fed:
            yield user
        else:
            yield from _readers(user, fed)


def _needed(part: Iterable[Node], fed: set[Node]) -> set[Node]:
    """What does not depend on the data and a part of the graph reads."""
    todo = [x for n in part for x in n.all_input_nodes if x not in fed]
    found: set[Node] = set()
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += node.all_input_nodes
    return found


def _copied(
    graph: Graph,
    node: Node,
    env: Mapping[Node, Node],
    root: nn.Module,
    module: nn.Module,
    owner: str,
    names: Mapping[str, str],
    state: Mapping[str, Tensor],
) -> Node:
    """A node in the new graph; a parameter under its owner's name, tied ones once."""
    if node.op != "get_attr":
        return graph.node_copy(node, lambda x: env[x])
    own = _attribute(module, str(node.target))
    name = names.get(str(node.target), str(node.target))
    _hold(root, f"{owner}.{name}", state.get(name, own), learned=isinstance(own, nn.Parameter))
    return graph.get_attr(f"{owner}.{name}")


def _handed_on(
    graph: Graph,
    node: Node,
    value: Node,
    symmetry: Symmetry,
    perms: Mapping[str, NDArray[np.int64]],
    root: nn.Module,
    number: int,
) -> Node:
    """A value of the trunk as one head reads it."""
    if not isinstance(node.meta.get("val"), Tensor) or node.op == "placeholder":
        return value
    axes = symmetry.values.get(node.name)
    if axes is None:
        raise SettingError(f"the networks cannot part where {node.name!r} is handed on: its axes are not known")
    value = graph.call_function(torch.ops.aten.clone.default, (value,))  # a head may write into what it reads
    for dim, axis in enumerate(axes):
        if names_in(axis) & perms.keys():
            name = f"head{number}.from_{node.name}_{dim}"
            _hold(root, name, torch.as_tensor(index(axis, perms, symmetry)), learned=False)
            value = graph.call_function(torch.ops.aten.index_select.default, (value, dim, graph.get_attr(name)))
    return value


def _together(graph: Graph, outputs: Sequence[Node], weights: Sequence[float], heads: str) -> Node:
    if heads == "apart":
        return graph.call_function(torch.ops.aten.stack.default, (list(outputs), 1))
    total = None
    for output, weight in zip(outputs, weights, strict=True):
        part = graph.call_function(torch.ops.aten.mul.Tensor, (output, weight))
        total = part if total is None else graph.call_function(torch.ops.aten.add.Tensor, (total, part))
    assert total is not None
    return total


def _attribute(module: nn.Module, path: str) -> Any:
    parent, _, leaf = path.rpartition(".")
    return getattr(module.get_submodule(parent), leaf)


def _hold(root: nn.Module, path: str, tensor: Tensor, *, learned: bool) -> None:
    """Register a tensor under a dotted name."""
    *parents, leaf = path.split(".")
    for part in parents:
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    if not hasattr(root, leaf):
        tensor = tensor.detach().clone()
        if learned:
            root.register_parameter(leaf, nn.Parameter(tensor))
        else:
            root.register_buffer(leaf, tensor)
