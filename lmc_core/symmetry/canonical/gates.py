"""The common part of gates (Tran 2025): softmax(g + c·1) = softmax(g), so that a shift of all rows of a router, and of
its bias, is function-free.

W ← (I − 11ᵀ/n) W, b ← b − mean(b), where everything that reads the gates is a softmax over all of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.symmetry.canonical.attending import SOFTMAX, scaled
from lmc_core.symmetry.canonical.centre import centred
from lmc_core.symmetry.canonical.contraction import contraction, positions
from lmc_core.symmetry.canonical.flow import Reader, flow
from lmc_core.symmetry.canonical.record import Record
from lmc_core.symmetry.canonical.uses import Uses


def centre_gates(numbers: Tensor, uses: Uses) -> list[Record]:
    """Take the common part out of contractions that only softmaxes read; `numbers` is changed in place."""
    nodes = [node for node in uses.trace.graph.nodes if node.op == "call_function"]
    if not any(operator_name(node) in SOFTMAX for node in nodes):
        return []
    said: list[Record] = []
    for node in nodes:
        known = contraction(node) if node in uses.data else None
        weights = uses.weights(known) if known else None
        if known is None or weights is None or known.write is None or known.out is None or known.groups > 1:
            continue
        bias = uses.own(node, known.bias)
        if known.bias and bias is None:
            continue
        readers = flow(uses.trace.graph, {node: positions(node, known.out)}, scaled)
        if readers and all(_normalises(reader, weights.shape[known.write]) for reader in readers):
            some = [(weights, known.write)] + ([(bias, 0)] if bias is not None else [])
            said += [
                r for ids, axis in some for r in centred(numbers, ids, (axis,), node, uses, "common part of gates")
            ]
    return said


def _normalises(reader: Reader, size: int) -> bool:
    """Whether an operation is a softmax over all of `size` gates, each once."""
    if operator_name(reader.node) not in SOFTMAX:
        return False
    labels = reader.labels.movedim(int(arguments(reader.node)["dim"]), -1)
    if labels.shape[-1] != size:
        return False
    return bool((labels.reshape(-1, size).sort(1).values == torch.arange(size)).all())
