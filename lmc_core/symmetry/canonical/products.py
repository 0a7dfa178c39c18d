"""Scales that a product of two values leaves open, as in gated units: (s·a) ⊙ g read by W is a ⊙ g read by s·W.

For every unit that a contraction makes and that reaches only contractions, through products with other values and
operations such as ReLU:
s_j ← (out_j / in_j)^¼, in_j and out_j the squared norms of what makes it and of what uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.operators import OPERATORS
from lmc_core.symmetry.canonical.contraction import contraction, positions
from lmc_core.symmetry.canonical.flow import averaged, flow, shape
from lmc_core.symmetry.canonical.record import Folded, Record
from lmc_core.symmetry.canonical.uses import Uses

SWEEPS = 200
STILL = 1e-13
"""Of the largest change of a logarithm in a sweep: nothing moves."""
SEEN = 1e-6
"""Of a change of a logarithm that is worth saying."""


@dataclass(frozen=True, eq=False)
class Open:
    """Units whose scales are open.

    made    numbers that make them, with the unit of each; used: those that use them; −1: of no such unit
    """

    made: tuple[tuple[Tensor, Tensor], ...]
    used: tuple[tuple[Tensor, Tensor], ...]
    count: int


def scale_products(numbers: Tensor, uses: Uses) -> list[Record]:
    """Balance what products leave open; `numbers` is changed in place."""
    nodes = [node for node in uses.trace.graph.nodes if node in uses.data]
    multiplied = any(operator_name(node) == "mul" for node in nodes)
    found = [units for node in nodes if multiplied and (units := _open(node, uses))]
    moved = [0.0] * len(found)
    for _ in range(SWEEPS if found else 0):
        change = 0.0
        for number, units in enumerate(found):
            made, used = (_squares(numbers, side, units.count) for side in (units.made, units.used))
            logs = torch.where((made > 0) & (used > 0), used / made, 1.0).log() / 4
            for side, sign in ((units.made, 1), (units.used, -1)):
                for ids, unit in side:
                    numbers[ids] = numbers[ids] * torch.where(unit >= 0, (sign * logs[unit]).exp(), 1.0)
            change = max(change, float(logs.abs().max()))
            moved[number] = max(moved[number], float(logs.abs().max()))
        if change <= STILL:
            break
    return [_said(units, uses) for units, change in zip(found, moved, strict=True) if change > SEEN]


def _said(units: Open, uses: Uses) -> Folded:
    names = tuple(dict.fromkeys(n for ids, _ in (*units.made, *units.used) for n in uses.tensors(ids)))
    return Folded("scales", names[0], names)


def _squares(numbers: Tensor, side: tuple[tuple[Tensor, Tensor], ...], count: int) -> Tensor:
    """(units,) squared norms."""
    total = torch.zeros(count, dtype=torch.float64)
    for ids, unit in side:
        total.index_add_(0, unit[unit >= 0], numbers[ids][unit >= 0].square())
    return total


def _open(node: Node, uses: Uses) -> Open | None:
    """The units of a contraction whose scales a product leaves open, if there are any."""
    known = contraction(node)
    weights = uses.weights(known) if known else None
    if known is None or weights is None or known.write is None or known.out is None or not uses.alone(weights):
        return None
    bias = uses.own(node, known.bias)
    if known.bias and (bias is None or bias.ndim != 1 or not uses.alone(bias)):
        return None
    count = weights.shape[known.write]
    passed = torch.zeros(count, dtype=torch.bool)

    def through(one: Node, arriving: Mapping[str, Tensor]) -> Tensor | None:
        known = OPERATORS.get(operator_name(one))
        if known is not None and known.leaves == "scaled" and known.rule == "pointwise":
            return next(iter(arriving.values()))
        if operator_name(one) != "mul":
            return averaged(one, arriving)
        others = {arguments(one)[k] for k in ("self", "other")} & uses.data
        if len(arriving) > 1 or len(others) < 2:
            return None
        (labels,) = arriving.values()
        passed[labels[labels >= 0]] = True
        return labels.expand(shape(one))

    stuck = torch.zeros_like(passed)
    used = []
    for reader in flow(uses.trace.graph, {node: positions(node, known.out)}, through):
        into = contraction(reader.node)
        theirs = uses.weights(into) if into and into.value == reader.argument else None
        meets = into.spread(reader.labels, tuple(theirs.shape)) if into and theirs is not None else None
        if theirs is None or meets is None or not uses.alone(theirs):
            stuck[reader.labels[reader.labels >= 0]] = True
        else:
            used.append((theirs, meets))
    free = passed & ~stuck
    if not bool(free.any()):
        return None
    rows = torch.arange(count).view([-1 if k == known.write else 1 for k in range(weights.ndim)]).expand(weights.shape)
    made = [(weights, rows)] + ([(bias, torch.arange(count))] if bias is not None else [])
    one, other = (tuple((ids, _only(unit, free)) for ids, unit in side) for side in (made, used))
    return Open(one, other, count)


def _only(units: Tensor, free: Tensor) -> Tensor:
    return torch.where((units >= 0) & free[units], units, -1)
