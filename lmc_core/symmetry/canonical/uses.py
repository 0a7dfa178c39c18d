"""The numbers of a state as one vector, and which operation reads which of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import operator_name
from lmc_core.graph.trace import Trace
from lmc_core.networks.network import Network
from lmc_core.symmetry.canonical.contraction import Contraction
from lmc_core.symmetry.canonical.flow import NOTHING, constant, flow


@dataclass(frozen=True, eq=False)
class Uses:
    """Which numbers of a state each operation reads.

    trace    the graph
    names    of the tensors, in the order in which their numbers stand in the vector
    starts   (tensors + 1,) where each begins
    read     (operation, argument) → the numbers that it is, as positions in the vector; −1: of another origin
    times    (numbers,) how many arguments read each
    data     operations that depend on the network's inputs
    """

    trace: Trace
    names: tuple[str, ...]
    starts: Tensor
    read: Mapping[tuple[Node, str], Tensor]
    times: Tensor
    data: frozenset[Node]

    def own(self, node: Node, argument: str | None) -> Tensor | None:
        """The numbers that an argument is, in its shape, if it holds nothing else."""
        found = self.read.get((node, argument)) if argument else None
        return None if found is None or bool((found == NOTHING).any()) else found

    def weights(self, known: Contraction) -> Tensor | None:
        """The numbers of the weights of a contraction, if they are those of the state."""
        found = self.own(known.node, known.weight)
        if found is None or not known.stacked:
            return found
        return found[0] if constant(found, (0,)) else None

    def alone(self, numbers: Tensor) -> bool:
        """Whether no two arguments read the same of these numbers."""
        return bool((self.times[numbers] <= 1).all())

    def tensors(self, numbers: Tensor) -> tuple[str, ...]:
        """The tensors that hold these numbers."""
        first, last = (torch.searchsorted(self.starts, n, right=True) - 1 for n in (numbers.min(), numbers.max()))
        between = [k for k in range(int(first), int(last) + 1) if self.starts[k] < self.starts[k + 1]]
        if len(between) > 2:
            there = ((torch.searchsorted(self.starts, numbers.flatten(), right=True)) - 1).unique()
            between = there.tolist()
        return tuple(self.names[k] for k in between)

    def also(self, numbers: Tensor, node: Node) -> str:
        """Which other operations read these numbers, in words."""
        mine = torch.zeros_like(self.times, dtype=torch.bool)
        mine[numbers.flatten()] = True
        others = [n for (n, _), ids in self.read.items() if n is not node and bool(mine[ids[ids >= 0]].any())]
        return " and ".join(dict.fromkeys(f"aten.{operator_name(n)}" for n in others)) or "the same operation"


def uses(network: Network, trace: Trace) -> Uses:
    """Follow every number of the state to the operations that read it."""
    names = tuple(network.state)
    sizes = [x.numel() if x.is_floating_point() else 0 for x in network.state.values()]
    starts = torch.tensor([0, *sizes]).cumsum(0)
    first = dict(zip(names, starts.tolist(), strict=False))
    start = {}
    data = {node for node in trace.graph.nodes if node.name in trace.inputs}
    for node in trace.graph.nodes:
        if any(source in data for source in node.all_input_nodes):
            data.add(node)
        x = network.state[trace.tensors[node.name]] if node.name in trace.tensors else None
        if x is not None and x.is_floating_point():
            at = first[trace.tensors[node.name]]
            start[node] = torch.arange(at, at + prod(x.shape)).view(x.shape)
    read = {(r.node, r.argument): r.labels for r in flow(trace.graph, start)}
    times = torch.zeros(int(starts[-1]), dtype=torch.int32)
    for labels in read.values():
        held = labels[labels >= 0]
        times[held] = times[held] + 1  # once for each, however often it is there
    return Uses(trace, names, starts, read, times, frozenset(data))


def vector(network: Network) -> Tensor:
    """(numbers,) the floating-point state in float64, tensor after tensor."""
    some = [x.detach().flatten().double().cpu() for x in network.state.values() if x.is_floating_point()]
    return torch.cat(some) if some else torch.zeros(0, dtype=torch.float64)


def states(numbers: Tensor, network: Network) -> dict[str, Tensor]:
    """The same as a state in float64; what is no floating-point number stays."""
    made, at = {}, 0
    for name, x in network.state.items():
        if x.is_floating_point():
            made[name] = numbers[at : at + x.numel()].view(x.shape)
            at += x.numel()
        else:
            made[name] = x
    return made
