"""Modules as graphs, and modules whose graph is not the same for all numbers, or not known: run whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lmc_core.errors import TraceError
from lmc_core.graph.trace import Trace, trace, working_batch
from lmc_core.networks.network import Network, State

Replace = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Any]
"""`f(op, args, kwargs)`: computes a graph value in another way."""


@dataclass(frozen=True, eq=False)
class Untraced:
    """Stands in for the trace of a module: runs it whole, shares nothing."""

    network: Network
    batch: int

    def run(
        self, state: State, inputs: tuple[Tensor, ...], *, watch: Collection[str] = (), override: Any = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The module's output for a state; no values inside it can be watched."""
        return self.network.with_state(state)(*inputs), {}


def trace_or_whole(network: Network, batch: int) -> Trace | Untraced:
    """The trace for `batch` rows, or for as many as the module accepts; the module itself if it cannot be traced, or
    if what it computes, or how much, depends on numbers."""
    try:
        made = trace(network, working_batch(network, batch))
    except TraceError:
        return Untraced(network, batch)
    return Untraced(network, batch) if made.chooses or made.counted else made
