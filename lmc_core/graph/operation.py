"""One operation of a graph: the name under which it is known, and its arguments by name."""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Node

from lmc_core.operators import OPERATORS


def operator_name(node: Node) -> str:
    """The key of an operation in the table of operators."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return str(getattr(target, "__name__", target))
    space, _, name = target._schema.name.partition("::")
    if space != "aten":
        return f"{space}::{name}"
    return next((n for n in (name, name.rstrip("_"), name.removesuffix("_copy")) if n in OPERATORS), name)


def arguments(node: Node) -> dict[str, Any]:
    """Arguments by schema name, defaults filled in."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return {**{str(k): v for k, v in enumerate(node.args)}, **node.kwargs}
    schema = node.target._schema.arguments
    bound = {a.name: a.default_value for a in schema if a.has_default_value()}
    bound.update({a.name: v for a, v in zip(schema, node.args, strict=False)})
    bound.update(node.kwargs)
    return bound
