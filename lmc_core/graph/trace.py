"""The graph of a network: every value by name, run on any state, cached per module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Graph, Node
from torch.fx.node import has_side_effect
from torch.utils import _pytree as pytree

from lmc_core.errors import DataError, TraceError
from lmc_core.graph import stored
from lmc_core.graph.asked import WAY
from lmc_core.graph.export import FALLBACK, TooSlow, export
from lmc_core.graph.recurrence import split_recurrence
from lmc_core.graph.stored import Parts
from lmc_core.networks.copies import held_noise
from lmc_core.networks.network import Network
from lmc_core.networks.precision import full_float32

Override = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]

_TRACES: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], Trace | TraceError]] = WeakKeyDictionary()


class Trace:
    """The computation of a module as a graph of ATen operations, for inputs of exactly `batch` rows.

    graph       torch.fx graph, functional; recurrent operations are one call per layer and direction
    tensors     placeholder → state name
    inputs      names of the placeholders that receive the network's inputs, in order
    constants   placeholder → tensor the state does not hold (literals, non-persistent buffers)
    outputs     names of the values the network returns, in order
    batch       number of rows
    counted     names of the values whose size depends on numbers, such as the rows that a mask lets pass; the graph
                holds the sizes that the example gives them
    chooses     whether the module asked its state or its inputs what to compute: the graph is the way of the example,
                and raises DataError for numbers that lead another way
    """

    def __init__(self, parts: Parts, batch: int, owner: nn.Module | None = None) -> None:
        self.batch = batch
        self.parts = parts
        self.graph = parts.graph
        self.tensors = parts.tensors
        self.constants = parts.constants
        self.inputs = parts.inputs
        self._structure = parts.structure
        self._owner = owner
        self._steps = self._plan()
        self.counted: frozenset[str] = frozenset()
        self.chooses = any(node.target is on_the_way for node in self.graph.nodes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the values that the network gives."""
        return tuple(n.name for n in self.graph.output_node().args[0] if isinstance(n, Node))  # type: ignore[union-attr]

    @property
    def signature(self) -> tuple[tuple[str, str], ...]:
        """(name, operation) of every node: equal for two batch sizes when the module computes alike for both."""
        return tuple((node.name, str(node.target)) for node in self.graph.nodes)

    @full_float32()
    def run(
        self,
        state: Mapping[str, Tensor],
        inputs: Iterable[Tensor],
        *,
        watch: Iterable[str] = (),
        override: Mapping[str, Override] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """The network's output on a state, and the values of the nodes named in `watch`; no gradient.

        state      state name → tensor
        inputs     prepared inputs, `batch` rows each
        watch      names of nodes
        override   node name → f(operation, args, kwargs) that computes this node's value instead

        Raises DataError if the inputs do not have the traced shapes, or lead another way than the example.
        """
        override = override or {}
        env: dict[str, Any] = {placeholder: state[name] for placeholder, name in self.tensors.items()}
        env.update(self.constants)
        given = tuple(inputs)
        self._check(given)
        env.update(zip(self.inputs, given, strict=True))
        watched = set(watch)
        seen = {name: env[name] for name in watched & env.keys()}
        device = next((x.device for x in env.values() if isinstance(x, Tensor)), torch.device("cpu"))
        with torch.no_grad(), held_noise(device):
            for name, target, args, kwargs, dead in self._steps:
                values, named = _filled(args, env), _filled(kwargs, env)
                replaced = override.get(name)
                result = target(*values, **named) if replaced is None else replaced(target, values, named)
                env[name] = result
                if name in watched:
                    seen[name] = result
                for gone in dead:
                    del env[gone]
        returned = _filled(self.graph.output_node().args[0], env)
        return pytree.tree_unflatten(returned, self._structure), seen

    def settle(self, state: Mapping[str, Tensor], inputs: Iterable[Tensor]) -> None:
        """Give every value whose size or number depends on the data the one that it has for these inputs."""
        unsettled = [n for n in self.graph.nodes if n.op == "call_function" and _unsettled(n.meta.get("val"))]
        if not unsettled:
            return
        seen = self.run(state, inputs, watch=[node.name for node in unsettled])[1]
        known = (leaf for node in self.graph.nodes for leaf in pytree.tree_leaves(node.meta.get("val")))
        mode = next(leaf.fake_mode for leaf in known if isinstance(leaf, FakeTensor))

        def bare(x: Tensor) -> Tensor:
            with mode:
                return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)

        for node in unsettled:
            node.meta["val"] = pytree.tree_map_only(Tensor, bare, seen[node.name])
        self.counted = frozenset(node.name for node in unsettled)

    def _check(self, given: tuple[Tensor, ...]) -> None:
        if len(given) != len(self.inputs):
            raise DataError(f"the network reads {len(self.inputs)} inputs and got {len(given)}")
        for node, x in zip(self._placeholders, given, strict=True):
            wanted = tuple(node.meta["val"].shape)
            if tuple(x.shape) != wanted:
                raise DataError(f"input {node.name!r} has shape {tuple(x.shape)}; this trace reads {wanted}")

    def _plan(self) -> list[tuple[str, Any, Any, Any, list[str]]]:
        """Calls in order, each with the values nobody reads afterwards."""
        self._placeholders = [n for n in self.graph.nodes if n.op == "placeholder" and n.name in self.inputs]
        last: dict[Node, Node] = {}
        for node in self.graph.nodes:
            for source in node.all_input_nodes:
                last[source] = node
        dying: dict[Node, list[str]] = {}
        for source, reader in last.items():
            if source.op == "call_function":
                dying.setdefault(reader, []).append(source.name)
        steps: list[tuple[str, Any, Any, Any, list[str]]] = []
        for node in self.graph.nodes:
            if node.op == "call_function":
                dead = dying.get(node, [])
                steps.append((node.name, node.target, node.args, node.kwargs, dead + [node.name] * (not node.users)))
            elif node.op == "get_attr":
                owner = self._owner
                steps.append((node.name, lambda owner=owner, name=node.target: getattr(owner, name), (), {}, []))
        return steps


def trace(network: Network, batch: int = 2, *, seconds: float = 60.0) -> Trace:
    """The Trace of a network for inputs of `batch` rows; kept as long as the module lives, and shared by its states.

    Raises TraceError if the module cannot be exported within `seconds`, accepts only the batch size of its example,
    or computes by other operations than at the batch sizes traced before.
    """
    dtype = next((x.dtype for x in network.state.values() if x.is_floating_point()), None)
    kept = _TRACES.setdefault(network.module, {})
    key = (batch, network.device, dtype)
    if key not in kept:
        try:
            kept[key] = _traced(network, batch, seconds, [t for t in kept.values() if isinstance(t, Trace)])
        except TooSlow:
            raise
        except TraceError as error:
            kept[key] = error
    found = kept[key]
    if isinstance(found, TraceError):
        raise found
    return found


def working_batch(network: Network, wanted: int, *, seconds: float = 60.0) -> int:
    """`wanted` if the module accepts batches of that size, else the batch size of its example inputs.

    Raises TooSlow if tracing takes longer than `seconds`.
    """
    try:
        trace(network, wanted, seconds=seconds)
    except TooSlow:
        raise
    except TraceError:
        return int(network.example_inputs[0].shape[0])
    return wanted


def resized(inputs: tuple[Tensor, ...], batch: int) -> tuple[Tensor, ...]:
    """Example inputs repeated or cut to `batch` rows; tensors that do not share the first one's rows stay."""
    rows = inputs[0].shape[0]
    index = torch.arange(batch, device=inputs[0].device) % rows
    return tuple(x[index.to(x.device)] if x.ndim and x.shape[0] == rows else x for x in inputs)


def _traced(network: Network, batch: int, seconds: float, others: list[Trace]) -> Trace:
    place = stored.place(network, batch)
    kept = stored.read(place) if place else None
    if kept:
        made = Trace(kept, batch)
    else:
        inputs = resized(network.example_inputs, batch)
        program = export(network.module, inputs, seconds=seconds)
        made = Trace(_parts(program, state_names(network)), batch, program.graph_module)
        made.settle(network.state, inputs)
        if place and not made.counted:
            stored.write(place, made.parts)
    for other in others:
        if other.signature != made.signature:
            raise TraceError(
                f"this module computes by other operations for {batch} rows than for {other.batch}; "
                f"use the batch size of its example, or {FALLBACK}"
            )
    return made


def _parts(program: ExportedProgram, names: Mapping[str, str]) -> Parts:
    """The graph of a program, without checks and without outputs that only say how buffers changed.

    names   under which the module knows a tensor → its state name
    """
    graph: Graph = program.graph_module.graph
    tensors: dict[str, str] = {}
    constants: dict[str, Tensor] = {}
    inputs = []
    for spec in program.graph_signature.input_specs:
        placeholder = spec.arg.name
        if spec.kind is InputKind.USER_INPUT:
            inputs.append(placeholder)
        elif spec.target in names:
            tensors[placeholder] = names[spec.target]
        elif spec.target in program.constants:
            constants[placeholder] = program.constants[spec.target]
        else:
            raise TraceError(f"the graph reads {spec.target!r}, which is not in the network's state; {FALLBACK}")
    specs = enumerate(program.graph_signature.output_specs)
    returned = [number for number, spec in specs if spec.kind is OutputKind.USER_OUTPUT]
    structure = program.call_spec.out_spec
    assert structure is not None
    _drop_checks(graph)
    split_recurrence(graph)
    output = graph.output_node()
    output.args = (tuple(output.args[0][number] for number in returned),)  # type: ignore[index]
    graph.eliminate_dead_code()
    return Parts(graph, tensors, tuple(inputs), constants, structure)


def state_names(network: Network) -> dict[str, str]:
    """Every name under which the module knows a tensor of the state → its state name; tied tensors share one."""
    first: dict[int, str] = {}
    names = {name: name for name in network.state}
    module = network.module
    for name, tensor in [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]:
        if name in network.state:
            first.setdefault(id(tensor), name)
    for name, tensor in [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]:
        if name not in names and id(tensor) in first:
            names[name] = first[id(tensor)]
    return names


@has_side_effect
def on_the_way(same: Tensor) -> None:
    """An operation of the graph: raises DataError where a module asked a question that is answered otherwise now."""
    if not bool(same):
        raise DataError(
            "this network chooses by its numbers what to compute (an if in its forward), and chooses otherwise for "
            "these inputs than for its example; give an example in which it goes the way of these inputs"
        )


def _drop_checks(graph: Graph) -> None:
    """Remove assertions about shapes and types: they hold for the traced shapes. Those of the way taken stay."""
    for node in reversed(list(graph.nodes)):
        name = str(node.target)
        if node.op == "call_function" and WAY in node.args:
            node.target, node.args, node.kwargs = on_the_way, node.args[:1], {}
        elif node.op == "call_function" and not node.users and ("_assert" in name or "sym_constrain" in name):
            graph.erase_node(node)


def _unsettled(val: Any) -> bool:
    """Whether a value, or a size in it, is known only when the graph runs."""
    return any(
        isinstance(leaf, torch.SymInt | torch.SymFloat | torch.SymBool)
        or (isinstance(leaf, Tensor) and not all(isinstance(size, int) for size in leaf.shape))
        for leaf in pytree.tree_leaves(val)
    )


def _filled(template: Any, env: Mapping[str, Any]) -> Any:
    if isinstance(template, Node):
        return env[template.name]
    if isinstance(template, tuple):
        return tuple(_filled(x, env) for x in template)
    if isinstance(template, list):
        return [_filled(x, env) for x in template]
    if isinstance(template, dict):
        return {key: _filled(x, env) for key, x in template.items()}
    return template
