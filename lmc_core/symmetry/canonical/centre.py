"""The mean direction taken out of streams that LayerNorm reads (classes.md §5.3).

    LN(x + c·1) = LN(x)          so what writes x may be centred, W ← (I − 11ᵀ/d) W, b ← b − mean(b)
    1ᵀ (x − mean(x)) = 0         so what reads LN(x) may be centred too, W ← W (I − 11ᵀ/d)

Writers are centred where every reader of what they write, through sums, is a LayerNorm over the whole axis; readers
where the norm has a gain of equal entries and no shift.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.symmetry.canonical.contraction import contraction, positions
from lmc_core.symmetry.canonical.flow import LAYER_NORMS, NOTHING, Reader, averaged, flow, result, shape
from lmc_core.symmetry.canonical.record import Folded, Part, Record, Refused
from lmc_core.symmetry.canonical.uses import Uses

SEEN = 1e-9
"""Of a mean, relative to the largest number: what is worth saying."""


def centre(numbers: Tensor, uses: Uses) -> list[Record]:
    """Take out the mean directions that can be; `numbers` is changed in place."""
    said: list[Record] = []
    nodes = [n for n in uses.trace.graph.nodes if n.op == "call_function"]
    if not any(operator_name(n) in LAYER_NORMS for n in nodes):
        return said
    for node in nodes:
        if operator_name(node) in LAYER_NORMS:
            said += _readers(numbers, node, uses)
        said += _embedded(numbers, node, uses) if operator_name(node) == "embedding" else _written(numbers, node, uses)
    added = {
        n for (node, _), ids in uses.read.items() if operator_name(node) == "add" for n in uses.tensors(ids[ids >= 0])
    }
    for node in uses.trace.graph.nodes:
        if uses.trace.tensors.get(node.name) in added:
            said += _placed(numbers, node, uses)
    return said


def summed(node: Node, arriving: Mapping[str, Tensor]) -> Tensor | None:
    """Labels through sums of values, and means of positions that have the same."""
    if operator_name(node) != "add":
        return averaged(node, arriving)
    size = shape(node)
    some = [labels.expand(size) for labels in arriving.values()]
    if len(some) == 2 and bool((some[0] != some[1]).any()):
        return None
    return some[0]


def _written(numbers: Tensor, node: Node, uses: Uses) -> list[Record]:
    """Centre a contraction that writes what only LayerNorms read."""
    known = contraction(node) if node in uses.data else None
    weights = uses.weights(known) if known else None
    if known is None or weights is None or known.write is None or known.out is None or known.groups > 1:
        return []
    start = positions(node, known.out)
    if not _only_norms(flow(uses.trace.graph, {node: start}, summed), weights.shape[known.write]):
        return []
    bias = uses.own(node, known.bias)
    if known.bias and bias is None:
        return []
    some = [(weights, known.write)] + ([(bias, 0)] if bias is not None else [])
    return [record for ids, axis in some for record in centred(numbers, ids, (axis,), node, uses)]


def _embedded(numbers: Tensor, node: Node, uses: Uses) -> list[Record]:
    """Centre the rows of a table whose entries only LayerNorms read."""
    table = uses.own(node, "weight")
    if table is None or not _only_norms(
        flow(uses.trace.graph, {node: positions(node, len(shape(node)) - 1)}, summed), table.shape[1]
    ):
        return []
    return centred(numbers, table, (1,), node, uses)


def _placed(numbers: Tensor, node: Node, uses: Uses) -> list[Record]:
    """Centre a tensor that is added to a stream which only LayerNorms read: positions, a class token."""
    labels = torch.arange(node.meta["val"].numel()).view(shape(node))
    size = shape(node)[-1] if len(shape(node)) else 1
    readers = flow(uses.trace.graph, {node: labels}, summed)
    if labels.numel() == max(shape(node), default=1) and size == 1:
        return []
    if not _only_norms(readers, size, torch.div(labels, size, rounding_mode="floor")):
        return []
    start = int(uses.starts[uses.names.index(uses.trace.tensors[node.name])])
    return centred(numbers, labels + start, (labels.ndim - 1,), None, uses)


def _only_norms(readers: list[Reader], size: int, rows: Tensor | None = None) -> bool:
    """Whether all readers are LayerNorms over exactly one whole vector of `size` labels each."""
    for reader in readers:
        if operator_name(reader.node) not in LAYER_NORMS or reader.argument != "input":
            return False
        if len(arguments(reader.node)["normalized_shape"]) != 1 or reader.labels.shape[-1] != size:
            return False
        found = reader.labels.reshape(-1, size).unique(dim=0).sort(dim=1).values
        found = found[(found != NOTHING).any(1)]
        if not bool((found[:, :1] % size == 0).all()) or not bool((found == found[:, :1] + torch.arange(size)).all()):
            return False
    return bool(readers)


def _readers(numbers: Tensor, norm: Node, uses: Uses) -> list[Record]:
    """Centre the contractions that read a LayerNorm."""
    gain, shift = uses.own(norm, "weight"), uses.own(norm, "bias")
    given, value = arguments(norm), result(norm)
    foreign = any(given.get(k) is not None and ids is None for k, ids in (("weight", gain), ("bias", shift)))
    if value is None or foreign:
        return []
    if gain is not None and bool((numbers[gain] != numbers[gain.flatten()[0]]).any()):
        return []
    if len(given["normalized_shape"]) != 1 or (shift is not None and bool((numbers[shift] != 0).any())):
        return []
    said: list[Record] = []
    size = shape(value)[-1]
    for reader in flow(uses.trace.graph, {value: positions(value, len(shape(value)) - 1)}, averaged):
        known = contraction(reader.node)
        weights = uses.weights(known) if known and known.value == reader.argument else None
        meets = known.spread(reader.labels, tuple(weights.shape)) if known and weights is not None else None
        if known is None or weights is None or meets is None or known.groups > 1:
            continue
        rows = meets.movedim(known.read, tuple(range(-len(known.read), 0))).flatten(-len(known.read))
        if rows.shape[-1] == size and bool((rows.flatten(0, -2).sort(1).values == torch.arange(size)).all()):
            said += centred(numbers, weights, known.read, reader.node, uses)
    return said


def centred(
    numbers: Tensor,
    ids: Tensor,
    axes: tuple[int, ...],
    node: Node | None,
    uses: Uses,
    part: Part = "mean direction",
) -> list[Record]:
    """Take the mean along some axes out of the numbers at `ids`."""
    values = numbers[ids]
    mean = values.mean(axes, keepdim=True)
    name = uses.tensors(ids)[0]
    seen = bool(mean.abs().max() > SEEN * values.abs().max())
    if not uses.alone(ids):
        also = uses.also(ids, node) if node is not None else "another operation"
        return [Refused(part, name, f"it is tied: {also} reads it too")] if seen else []
    numbers[ids] = values - mean
    return [Folded(part, name)] if seen else []
