"""Biases that attention does not need (classes.md §5.2).

softmax_s(q_t·(k_s + b)) = softmax_s(q_t·k_s)                 the bias of keys becomes 0
Σ_s p_ts (v_s + b) = Σ_s p_ts v_s + b,  Σ_s p_ts = 1         that of values goes into the bias behind: c + W b
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.symmetry.canonical.attending import Attending, scaled
from lmc_core.symmetry.canonical.contraction import Contraction, across, contraction, positions
from lmc_core.symmetry.canonical.flow import Reader, flow
from lmc_core.symmetry.canonical.record import Folded, Record, Refused
from lmc_core.symmetry.canonical.uses import Uses


@dataclass(frozen=True, eq=False)
class Added:
    """A vector of the state that is added to a value: its numbers, and which of them meets each position."""

    node: Node
    bias: Tensor
    labels: Tensor


def fold_attention(numbers: Tensor, uses: Uses) -> list[Record]:
    """Take biases of keys out and hand those of values on; `numbers` is changed in place."""
    attending, said = Attending(uses), list[Record]()
    for added in _biases(uses):
        said += _keys(numbers, added, flow(uses.trace.graph, {added.node: added.labels}, scaled), attending)
        said += _values(numbers, added, flow(uses.trace.graph, {added.node: added.labels}), attending)
    return said


def _biases(uses: Uses) -> Iterator[Added]:
    """Every bias of a contraction, and every vector added to a value."""
    for node in uses.trace.graph.nodes:
        known = contraction(node) if node in uses.data else None
        if known is not None and known.out is not None and (ids := uses.own(node, known.bias)) is not None:
            if ids.ndim == 1 and uses.alone(ids):
                yield Added(node, ids, positions(node, known.out))
        elif node in uses.data and node.op == "call_function" and operator_name(node) == "add":
            for argument in ("self", "other"):
                ids = uses.own(node, argument)
                vector = ids is not None and ids.numel() == max(ids.shape, default=1) and uses.alone(ids)
                if ids is not None and vector and arguments(node).get("alpha", 1) == 1:
                    yield Added(node, ids.flatten(), across(ids, node))


def _keys(numbers: Tensor, added: Added, readers: list[Reader], attending: Attending) -> list[Record]:
    verdicts = [attending.ignored(reader) for reader in readers]
    keys, others = _told_apart(added, readers, [v is not None for v in verdicts])
    keys = keys & ~others & (numbers[added.bias] != 0)
    if not bool(keys.any()):
        return []
    names = attending.uses.tensors(added.bias[keys])
    if why := next((v for v in verdicts if v), ""):
        return [Refused("key bias", names[0], why)]
    numbers[added.bias[keys]] = 0.0
    return [Folded("key bias", name) for name in names]


def _values(numbers: Tensor, added: Added, readers: list[Reader], attending: Attending) -> list[Record]:
    results = [attending.handed_on(reader) for reader in readers]
    values, others = _told_apart(added, readers, [r is not None for r in results])
    values = values & ~others & (numbers[added.bias] != 0)
    if not bool(values.any()):
        return []
    uses = attending.uses
    names = uses.tensors(added.bias[values])
    behind: list[tuple[Contraction, Tensor, Tensor, Tensor]] = []
    for reader, labels in zip(readers, results, strict=True):
        if labels is None:
            continue
        into = labels if isinstance(labels, str) else _behind(reader.node, labels, uses)
        if isinstance(into, str):
            return [Refused("value bias", names[0], into)]
        behind += into
    moved = torch.where(values, numbers[added.bias], 0.0)
    for known, weights, meets, bias in behind:
        numbers[bias] += known.summed(torch.where(meets >= 0, moved[meets], 0.0) * numbers[weights])
    numbers[added.bias[values]] = 0.0
    into_names = tuple(dict.fromkeys(n for *_, bias in behind for n in uses.tensors(bias)))
    return [Folded("value bias", name, into_names) for name in names]


def _told_apart(added: Added, readers: list[Reader], chosen: list[bool]) -> tuple[Tensor, Tensor]:
    """Which entries of a vector arrive at the chosen operations, and which at others."""
    there = torch.zeros(2, len(added.bias), dtype=torch.bool)
    for reader, mine in zip(readers, chosen, strict=True):
        there[0 if mine else 1, reader.labels[reader.labels >= 0]] = True
    return there[0], there[1]


def _behind(node: Node, labels: Tensor, uses: Uses) -> list[tuple[Contraction, Tensor, Tensor, Tensor]] | str:
    """What reads the result of attention: contractions with their weights, which entry each multiplies, and biases."""
    made = []
    for reader in flow(uses.trace.graph, {node: labels}):
        known = contraction(reader.node)
        weights = uses.weights(known) if known else None
        if known is None or known.value != reader.argument or weights is None or known.write is None:
            return f"what attention makes of it is read by {reader.named}, which is no contraction with weights"
        meets = known.spread(reader.labels, tuple(weights.shape))
        bias = uses.own(reader.node, known.bias) if known.pure else None
        name = uses.tensors(weights)[0]
        if meets is None:
            return f"{name} reads what attention makes of it along another axis"
        if bias is None or bias.ndim != 1 or not uses.alone(bias):
            return f"{name}, which reads what attention makes of it, has no bias of its own"
        made.append((known, weights, meets, bias))
    return made
