"""How an operation without a rule is written in simpler ones: torch's own decomposition, traced on its shapes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from lmc_core.graph.export import quiet


def decomposed(node: Node, arguments: dict[str, Any]) -> tuple[GraphModule, list[Node]] | None:
    """A graph that computes the same, and the nodes it takes as inputs; None if torch knows no decomposition.

    arguments   of the operation by schema name
    """
    from torch._decomp import core_aten_decompositions, get_decompositions  # slow to import, seldom needed

    target = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return None
    known = get_decompositions([target]) or core_aten_decompositions()
    composite = target._can_decompose()
    if not composite and target not in known:
        return None
    inputs = [leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, Node)]
    values = [leaf.meta["val"] for leaf in inputs]
    mode = next((v.fake_mode for v in values if isinstance(v, FakeTensor)), None) or FakeTensorMode()
    values = [_fake(v, mode) for v in values]

    def compute(*tensors: Tensor) -> Any:
        given = iter(tensors)
        bound = pytree.tree_map_only(Node, lambda _: next(given), arguments)
        schema = target._schema.arguments
        args = [bound[a.name] for a in schema if not a.kwarg_only]
        named = {a.name: bound[a.name] for a in schema if a.kwarg_only}
        return target.decompose(*args, **named) if composite else known[target](*args, **named)

    try:
        with quiet(), mode:
            graph = make_fx(compute, decomposition_table={} if composite else {target: known[target]})(*values)
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AssertionError):
        return None
    graph.graph.eliminate_dead_code()
    return graph, inputs


def _fake(value: Any, mode: FakeTensorMode) -> Any:
    """A value of a trace from disk, which knows shapes alone, as one of the CPU."""
    if not isinstance(value, Tensor) or not value.is_meta or isinstance(value, FakeTensor):
        return value
    with mode:
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="cpu")
