"""Memory layout: on a CPU, two-dimensional convolutions run up to twice as fast with the channels innermost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.trace import Trace
from lmc_core.graph.untraced import Replace, Untraced
from lmc_core.networks.network import State
from lmc_core.paths.path import LinearPath, Path


@dataclass(frozen=True)
class Layout:
    """How values lie in memory.

    last      whether inputs with four axes, and the weights of convolutions, have their channels innermost
    reshape   graph values to compute in another way, because the operation insists on the usual order
    """

    last: bool = False
    reshape: Mapping[str, Replace] = field(default_factory=lambda: MappingProxyType({}))

    def inputs(self, x: Tensor) -> Tensor:
        """Inputs as the layout has them in memory."""
        return channels_last(x) if self.last and x.ndim == 4 else x


def channels_last(x: Tensor) -> Tensor:
    """A copy of x (n, c, h, w) with c innermost, with strides that say so even where c or h·w is 1."""
    return torch.empty_like(x, memory_format=torch.channels_last).copy_(x)


def laid_out(paths: Sequence[Path], traced: Trace | Untraced) -> tuple[Sequence[Path], Layout]:
    """The same paths in the layout that is fastest; ends that paths have in common stay in common."""
    lines = [path for path in paths if isinstance(path, LinearPath)]
    if isinstance(traced, Untraced) or len(lines) < len(paths) or paths[0].network.device.type != "cpu":
        return paths, Layout()
    weights = _convolved(traced)
    if not weights:
        return paths, Layout()
    moved: dict[int, Tensor] = {}

    def last(state: State) -> State:
        for name in weights:
            x = state[name]
            if id(x) not in moved:
                moved[id(x)] = channels_last(x)
        return {name: moved.get(id(x), x) for name, x in state.items()}

    again = [LinearPath(each.a.with_state(last(each.a.state)), each.b.with_state(last(each.b.state))) for each in lines]
    views = {"aten.view.default", "aten._unsafe_view.default"}
    reshape = {node.name: _reshape for node in traced.graph.nodes if str(node.target) in views}
    return again, Layout(True, reshape)


def _convolved(traced: Trace) -> frozenset[str]:
    """State names of the weights of two-dimensional convolutions; none if an operation reads memory by its strides."""
    names = set()
    for node in traced.graph.nodes:
        if "as_strided" in str(node.target) or "view.dtype" in str(node.target):
            return frozenset()
        if str(node.target).startswith(("aten.conv2d.", "aten.convolution.")):
            weight = node.args[1]
            if isinstance(weight, Node) and weight.name in traced.tensors and weight.meta["val"].ndim == 4:
                names.add(traced.tensors[weight.name])
    return frozenset(names)


def _reshape(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    result: Tensor = args[0].reshape(args[1])
    return result
