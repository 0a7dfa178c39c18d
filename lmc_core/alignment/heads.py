"""Attention heads: which groups they are, and how alike two of them are by what they compute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.alignment.blocks import Block
from lmc_core.alignment.coupling import Elements
from lmc_core.alignment.meetings import gram, met
from lmc_core.alignment.objective import Objective, Position
from lmc_core.alignment.result import Result
from lmc_core.errors import TraceError
from lmc_core.graph.trace import trace, working_batch
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Group, names_in
from lmc_core.symmetry.classes import Element
from lmc_core.symmetry.symmetry import Symmetry

SETTLED = 1e-5
"""Relative gain of a pass below which rotations have converged: they never quite stop."""
_ATTENTION = ("softmax", "scaled_dot_product")


def attention_groups(network: Network, symmetry: Symmetry) -> frozenset[str]:
    """Free groups, with others nested in them, whose units attend: each has a softmax or attention of its own.

    A softmax over the units themselves, as a router has, weighs them against each other: these are experts. None where
    the module cannot be traced.
    """
    with_inside = {name for name in symmetry.groups if symmetry.children(name)}
    found: set[str] = set()
    for node in _nodes(network):
        if any(word in str(node.target) for word in _ATTENTION):
            axes = list(symmetry.values.get(node.name, ()))
            if "softmax" in str(node.target) and axes:
                axes.pop(_over(node))
            found |= names_in(*axes) & with_inside
    return frozenset(found)


def _nodes(network: Network) -> Iterable[Node]:
    """What a network computes, in order; nothing where it cannot be traced."""
    try:
        return trace(network, working_batch(network, 2)).graph.nodes
    except TraceError:
        return ()


def _over(node: Node) -> int:
    """The axis that a softmax sums over."""
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else -1)
    return dim if isinstance(dim, int) else -1


def streams(network: Network, symmetry: Symmetry) -> frozenset[str]:
    """Free groups along which two computed values are added: residual streams."""
    found: set[str] = set()
    for node in _nodes(network):
        values = [x for x in node.args[:2] if isinstance(x, Node) and x.op == "call_function"]
        if "aten.add" in str(node.target) and len(values) == 2:
            found |= frozenset.intersection(*(_carried(symmetry, x.name) for x in (node, *values)))
    return frozenset(name for name in found if symmetry.groups[name].within is None)


def _carried(symmetry: Symmetry, value: str) -> frozenset[str]:
    return names_in(*symmetry.values.get(value, ()))


def by_circuits(
    objective: Objective,
    start: Position,
    known: Result,
    heads: frozenset[str],
    held: frozenset[str],
    *,
    passes: int,
    settled: float = 0.0,
    stage: str = "matching heads",
    report: Report = silent,
) -> Result:
    """Pass after pass over all blocks until nothing moves: heads by their circuits, everything else by its best step.

    known     what was found before; the place at the end of a pass is kept where it is better
    held      names of blocks that stay where the start has them
    settled   relative change of the objective in a pass below which it has converged, for maps, which never quite stop
    """
    position, moving = start, True
    for turn in range(passes):
        report(stage, turn, passes)
        before, value = position.elements, position.total
        for block in sorted(objective.blocks, key=lambda block: block.turns):
            if block.name in heads:
                position.place(block, assign_heads(objective, block, position))
            elif block.name not in held:
                position.step(block)
        if position.total > known.history[-1]:
            known = Result.of_elements(
                position.elements, (*known.history, position.total), converged=known.converged, notes=known.notes
            )
        moving = any(not np.array_equal(element, before[name]) for name, element in position.elements.items())
        moving = moving and not abs(position.total - value) < settled * abs(value)
        if not moving:
            break
    note = f"heads still changed places after {passes} passes; the best order seen is kept"
    return known.noting([note] if moving and note not in known.notes else [])


def head_cost(objective: Objective, block: Block, elements: Mapping[str, Element]) -> np.ndarray:
    """(N, N) how alike the circuits of two heads are: Σ <QK^A_i, QK^B_j> + <OV^A_i, OV^B_j> (Theus 2025).

    A circuit is the product of two projections over the units they share inside a head, W_Qᵀ W_K or W_O W_V, with
    biases as weights of a constant input. It is the same in every order of these units, so that heads are assigned
    before what is inside them. <X_iᵀ Y_i, X'_jᵀ Y'_j> = Σ_kl (X_i X'_jᵀ)_kl (Y_i Y'_jᵀ)_kl, from Gram matrices alone.

    elements   of every other group; heads and their units are taken as B has them
    """
    others = {name: element for name, element in elements.items() if name not in block.names}
    moved = objective.at(others, objective.wiring.axes[block.name])
    total = np.zeros((block.outer.size, block.outer.size))
    for group in block.inner:
        projections = list(_projections(objective, block, group, moved).values())
        for i, first in enumerate(projections):
            for second in projections[:i]:
                total += (first * second).sum((1, 3)).cpu().numpy()
    return total


def assign_heads(objective: Objective, block: Block, position: Position) -> Elements:
    """Heads by their circuits, then the units inside each matched pair of heads by the gradient of the objective."""
    return position.cost(block).nearest(block, pairs=head_cost(objective, block, position.elements))


def _projections(objective: Objective, block: Block, group: Group, moved: Mapping[str, Tensor]) -> dict[object, Tensor]:
    """Projection → Gram matrix (N, n, N, n) of its rows in A and B, weight and bias together.

    A fused weight holds several projections: they are told apart by their place in it, as those of its bias are.
    """
    symmetry = objective.symmetry
    weight_of = {c.bias: c.weight for c in symmetry.contractions if c.bias is not None}
    found: dict[object, Tensor] = {}
    for term in (objective.terms[i] for i in objective.wiring.judges[block.name]):
        for name, target in term.targets.items():
            if name not in moved:
                continue
            axes = symmetry.axes[name]
            place = 0
            for (a, b), meeting in met((target, moved[name]), (axes, axes), range(len(axes)), block.name):
                for nested, keep in meeting.kept:
                    if nested == group.name:
                        beside = [dim for dim in meeting.dims if dim not in keep]  # in no known order: summed
                        x, y = (z.sum(beside, keepdim=True) if beside else z for z in (a, b))
                        key = (weight_of.get(name, name), place)
                        found[key] = found.get(key, torch.zeros(())) + gram(x, y, keep).double()
                        place += 1
    return found
