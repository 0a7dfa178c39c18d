"""Which values of a traced graph recalibration works on: BatchNorms, and the pre-activations of layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.errors import SettingError, TraceError
from lmc_core.graph.trace import Trace
from lmc_core.graph.untraced import Untraced
from lmc_core.networks.network import Network
from lmc_core.symmetry.symmetry import Contraction

Recalibration = Literal["bn-reset", "repair"]

_LAYERS = {"linear", "matmul", "conv", "conv-transpose"}
_NORMS = ("aten.batch_norm.", "aten._native_batch_norm_legit_no_training.")


@dataclass(frozen=True)
class Norm:
    """A BatchNorm of the graph: its value, and the state names of its running statistics."""

    value: str
    mean: str
    variance: str


@dataclass(frozen=True)
class Layer:
    """A layer whose units REPAIR corrects.

    axis       of the pre-activation that holds the units
    trailing   how many axes follow it
    """

    contraction: Contraction
    axis: int
    trailing: int

    @property
    def value(self) -> str:
        """The name of what it computes."""
        return self.contraction.output

    def statistics(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of every unit over all examples and positions: (units,) each."""
        variance, mean = torch.var_mean(z.movedim(self.axis, -1).flatten(0, -2), 0, correction=0)
        return mean, variance

    def spread(self, x: Tensor) -> Tensor:
        """One number per unit (units,) in the shape that broadcasts over the pre-activation."""
        return x.reshape(-1, *(1,) * self.trailing)


@dataclass(frozen=True)
class Plan:
    """What is recalibrated in one graph, and sentences about what is not."""

    norms: tuple[Norm, ...]
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Names of what the layers compute."""
        return tuple(layer.value for layer in self.layers)

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the running means and variances."""
        return tuple(name for norm in self.norms for name in (norm.mean, norm.variance))


def plan(network: Network, traced: Trace | Untraced, method: Recalibration) -> Plan:
    """What `method` recalibrates: running statistics, and for "repair" every hidden layer that no BatchNorm follows.

    Logits are no hidden units: with the deviation of the ends a network between them is as sure as they are and wrong
    more often, so that its loss rises (Jordan 2022 repairs hidden units only).
    """
    if method not in ("bn-reset", "repair"):
        raise SettingError(f"recalibrate={method!r} is not one of bn-reset, repair")
    if isinstance(traced, Untraced):
        raise TraceError("a module that cannot be traced cannot be recalibrated; evaluate it without recalibration")
    norms = batch_norms(traced)
    if method == "bn-reset":
        return Plan(norms, notes=() if norms else ("The network has no BatchNorm: there was nothing to reset.",))
    from lmc_core.symmetry.infer import symmetry

    contractions = symmetry(network, verify=False).contractions
    nodes = {node.name: node for node in traced.graph.nodes}
    uses = Counter(c.weight for c in contractions if c.kind != "embedding")
    normed, layered = {norm.value for norm in norms}, {c.output for c in contractions}
    layers = tuple(
        _layer(c, nodes[c.output].meta["val"].ndim)
        for c in contractions
        if c.kind in _LAYERS
        and uses[c.weight] == 1
        and not _feeds_only(nodes[c.output], normed)
        and _reaches(nodes[c.output], layered)
    )
    again = sorted({c.weight for c in contractions if c.kind.startswith("recurrent-") or uses[c.weight] > 1})
    notes = (f"REPAIR left weights that are used at every step as they are: {', '.join(again)}.",) if again else ()
    return Plan(norms, layers, notes)


def _layer(contraction: Contraction, ndim: int) -> Layer:
    axis = 1 if contraction.kind.startswith("conv") else ndim - 1
    return Layer(contraction, axis, ndim - 1 - axis)


def batch_norms(traced: Trace) -> tuple[Norm, ...]:
    """Every BatchNorm that normalises by running statistics."""
    found = []
    for node in traced.graph.nodes:
        if node.op == "call_function" and str(node.target).startswith(_NORMS):
            given = bound(node.target, node.args, node.kwargs)
            mean, variance = given["running_mean"], given["running_var"]
            if isinstance(mean, Node) and mean.name in traced.tensors:
                found.append(Norm(node.name, traced.tensors[mean.name], traced.tensors[variance.name]))
    return tuple(found)


def bound(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by the names of the operation's schema."""
    return {arg.name: value for arg, value in zip(op._schema.arguments, args, strict=False)} | dict(kwargs)


def _feeds_only(node: Node, values: set[str]) -> bool:
    return bool(node.users) and all(user.name in values for user in node.users)


def _reaches(node: Node, values: set[str]) -> bool:
    """Whether one of these values is computed from this one, however far behind it."""
    seen: set[Node] = set()
    todo = list(node.users)
    while todo:
        user = todo.pop()
        if user.name in values:
            return True
        if user not in seen:
            seen.add(user)
            todo += user.users
    return False
