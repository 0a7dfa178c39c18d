"""The operations a program may hold: pure tensor computations, none of which touches files, devices or Python."""

from __future__ import annotations

import re

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import plain
from lmc_core.operators import OPERATORS

ATEN = frozenset(name for known in OPERATORS.values() for name in known.in_files)
"""Names of ATen operations, all overloads."""

_ARITHMETIC = "add sub mul floordiv mod truediv neg pos eq ne lt le gt ge and_ or_"
_SYMBOLIC = frozenset(
    {f"_operator.{name}" for name in _ARITHMETIC.split()}
    | {f"torch.sym_{name}" for name in ("max", "min", "not", "float", "int", "ite")}
    | {"math.ceil", "math.floor", "math.trunc"}
)
"""Arithmetic on sizes."""

_NESTED = frozenset({"torch.ops.higher_order.wrap_with_set_grad_enabled"})
"""Operations that run a graph within the graph: `with torch.no_grad()` around a part of the network."""

_NAME = re.compile(r"torch\.ops\.aten\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)", re.ASCII)


def check_operator(target: object, name: str) -> str:
    """The operation a node names. Raises CheckpointError for any that is not on the lists."""
    if isinstance(target, str):
        found = _NAME.fullmatch(target)
        if (found and found.group(1) in ATEN and "__" not in target) or target in _SYMBOLIC or target in _NESTED:
            return target
    raise CheckpointError(
        f"{name} uses the operation {plain(target, 80)!r}, which is not on the list of tensor operations known "
        "to be harmless; nothing was run: export a network of standard layers"
    )


def is_nested(target: str) -> bool:
    """Whether the operation takes a graph as an argument."""
    return target in _NESTED
