"""Gains and shifts folded into the weights that read them, or gains into those that write them (classes.md §5.1).

    W (γ ⊙ x + β) + b = (W diag γ) x + (b + W β)          γ ⊙ (W x + b) = (diag γ W) x + γ ⊙ b

Forwards for every norm and product whose every reader is a contraction over that very axis; where a reader has no bias
β becomes β/γ. Backwards for a product that alone reads a contraction, such as the scale of a residual branch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.symmetry.canonical.contraction import Contraction, across, contraction, positions
from lmc_core.symmetry.canonical.flow import GROUP_NORMS, LAYER_NORMS, RMS_NORMS, Reader, averaged, flow, result, shape
from lmc_core.symmetry.canonical.record import Folded, Record, Refused
from lmc_core.symmetry.canonical.uses import Uses

SMALLEST = 1e-6
"""Of a gain, relative to the largest: below it a shift is not divided by it."""


@dataclass(frozen=True, eq=False)
class Gain:
    """x ↦ (c + γ) ⊙ x + β.

    node    the value after both
    gain    (n,) numbers of γ; shift: of β, None where nothing is added
    labels  of the value's shape: which entry of γ and β meets each position
    before  for a product: the value that γ multiplies, under the name of its argument
    offset  c: 0, or 1 where a gain is written as one plus a vector
    """

    node: Node
    gain: Tensor
    shift: Tensor | None
    labels: Tensor
    before: tuple[Node, str] | None = None
    offset: float = 0.0

    def values(self, numbers: Tensor) -> Tensor:
        """(n,) what units are multiplied by."""
        return numbers[self.gain] + self.offset

    def settle(self, numbers: Tensor) -> None:
        """Change the numbers so that nothing is multiplied any more."""
        numbers[self.gain] = 1.0 - self.offset


@dataclass(frozen=True, eq=False)
class Into:
    """Weights that a gain is folded into.

    weights   numbers of W; factors: of W's shape, the entry of γ that multiplies each, −1: none
    bias      numbers of b; None where there is none that could take a shift
    """

    contraction: Contraction
    weights: Tensor
    factors: Tensor
    bias: Tensor | None


def fold_gains(numbers: Tensor, uses: Uses) -> list[Record]:
    """Fold what can be folded; `numbers` is changed in place, and equal entries are left as ones."""
    said: list[Record] = []
    for found in gains(uses):
        values = found.values(numbers)
        shifted = found.shift is not None and bool((numbers[found.shift] != 0).any())
        if bool((values == 1).all()) and not shifted:
            continue
        name = uses.tensors(found.gain)[0]
        readers = _readers(found, uses)
        why = readers if isinstance(readers, str) else _fold(numbers, found, readers, uses, said)
        if why and found.before is not None and found.shift is None:
            why = _fold_back(numbers, found, uses, said) and why
        if why and not (bool((values == values[0]).all()) and not shifted):
            said.append(Refused("gain", name, why))
    return [*said, *_computed(uses)]


def _computed(uses: Uses) -> Iterator[Refused]:
    """Products of a value with a vector that is computed from the state in another way than 1 + γ."""
    for node in uses.trace.graph.nodes:
        if node not in uses.data or node.op != "call_function" or operator_name(node) != "mul":
            continue
        for argument in ("self", "other"):
            one = arguments(node)[argument]
            if not isinstance(one, Node) or one in uses.data or one.op != "call_function":
                continue
            if _vector(node, argument, uses) is not None:
                continue
            read = [ids[ids >= 0] for (reader, _), ids in uses.read.items() if reader is one]
            if read and len(read[0]) and max(shape(one), default=1) > 1:
                why = f"units are multiplied by what aten.{operator_name(one)} makes of it, not by its numbers"
                yield Refused("gain", uses.tensors(read[0])[0], why)


def gains(uses: Uses) -> Iterator[Gain]:
    """Every norm with a gain, and every product of a value with a vector of the state, or with one plus that."""
    for node in uses.trace.graph.nodes:
        if node not in uses.data or node.op != "call_function":
            continue
        name, given = operator_name(node), arguments(node)
        value = result(node)
        if name in (*LAYER_NORMS, *RMS_NORMS, *GROUP_NORMS) and value is not None:
            known, shift = _vector(node, "weight", uses), uses.own(node, "bias")
            if known is not None and known[0].ndim == 1 and (given.get("bias") is None or shift is not None):
                axis = 1 if name in GROUP_NORMS else len(shape(value)) - 1
                made = Gain(value, known[0], shift, positions(value, axis), offset=known[1])
                yield made if shift is not None else _with_shift(made, uses)
        elif name == "mul":
            for argument, other in (("self", "other"), ("other", "self")):
                known = _vector(node, argument, uses)
                if known is not None and known[0].numel() == max(known[0].shape, default=1) > 1:
                    if given[other] not in uses.data:
                        continue
                    ids, offset = known
                    made = Gain(node, ids.flatten(), None, across(ids, node), (given[other], other), offset)
                    yield _with_shift(made, uses)


def _vector(node: Node, argument: str, uses: Uses) -> tuple[Tensor, float] | None:
    """The numbers γ of the state that an argument is, and c where it is c + γ and nothing else reads that."""
    ids = uses.own(node, argument)
    if ids is not None:
        return ids, 0.0
    made = arguments(node).get(argument)
    if not isinstance(made, Node) or made.op != "call_function" or operator_name(made) != "add":
        return None
    given = arguments(made)
    ids, offset = uses.own(made, "self"), given["other"]
    if ids is None or not isinstance(offset, int | float) or given.get("alpha", 1) != 1 or len(made.users) != 1:
        return None
    return ids, float(offset)


def _with_shift(found: Gain, uses: Uses) -> Gain:
    """With what is added to the product, if that is a vector of the state along the same axis."""
    if len(found.node.users) != 1:
        return found
    (after,) = found.node.users
    if after.op != "call_function" or operator_name(after) != "add" or arguments(after).get("alpha", 1) != 1:
        return found
    given = arguments(after)
    other = "other" if given["self"] is found.node else "self"
    ids = uses.own(after, other)
    if ids is None or ids.numel() != found.gain.numel() or not torch.equal(across(ids, after), found.labels):
        return found
    return replace(found, node=after, shift=ids.flatten())


def _readers(found: Gain, uses: Uses) -> list[Into] | str:
    """The contractions that read a gain's value, or why there are others."""
    for ids in (found.gain, found.shift):
        if ids is not None and not uses.alone(ids):
            return f"{uses.tensors(ids)[0]} is used more than once"
    made = []
    for reader in flow(uses.trace.graph, {found.node: found.labels}, averaged):
        into = _into(reader, uses)
        if isinstance(into, str):
            return into
        made.append(into)
    return made or "nothing reads its value"


def _into(reader: Reader, uses: Uses) -> Into | str:
    known = contraction(reader.node)
    weights = uses.weights(known) if known else None
    if operator_name(reader.node) == "add":
        return "its value is added to another one (aten.add), with no weights in between that it could be folded into"
    if known is None or known.value != reader.argument or weights is None:
        return f"its value is read by {reader.named}, which is no contraction with weights"
    factors = known.spread(reader.labels, tuple(weights.shape))
    name = uses.tensors(weights)[0]
    if factors is None:
        return f"{name} reads it along another axis"
    if not uses.alone(weights):
        also = uses.also(weights, reader.node)
        return f"{name}, which reads it, is tied: {also} reads it too; untied(network) gives its reader a copy"
    bias = uses.own(reader.node, known.bias) if known.pure else None
    if bias is not None and (bias.ndim != 1 or not uses.alone(bias)):
        bias = None
    return Into(known, weights, factors, bias)


def _fold(numbers: Tensor, found: Gain, readers: list[Into], uses: Uses, said: list[Record]) -> str:
    """Fold forwards; why not, else nothing."""
    gain = found.values(numbers)
    shift = None if found.shift is None else numbers[found.shift]
    shifted = shift is not None and bool((shift != 0).any())
    to_bias = all(into.bias is not None for into in readers)
    small = gain.abs() <= SMALLEST * gain.abs().max()
    if shift is not None and not to_bias and bool((small & (shift != 0)).any()):
        return "a shift would be divided by entries near zero, as one of its readers has no bias"
    names = tuple(dict.fromkeys(n for into in readers for n in uses.tensors(into.weights)))
    for into in readers:
        weights, meets = numbers[into.weights], into.factors >= 0
        if shift is not None and into.bias is not None and to_bias:
            added = torch.where(meets, shift[into.factors], 0.0) * weights
            numbers[into.bias] += into.contraction.summed(added)
        numbers[into.weights] = torch.where(meets, gain[into.factors], 1.0) * weights
    if shift is not None and shifted:
        if to_bias:
            biases = tuple(dict.fromkeys(n for into in readers for n in uses.tensors(into.bias)))  # type: ignore[arg-type]
            said.append(Folded("shift", uses.tensors(found.shift)[0], biases))  # type: ignore[arg-type]
            numbers[found.shift] = 0.0
        else:
            numbers[found.shift] = torch.where(small, 0.0, shift / gain)
    if not bool((gain == 1).all()):
        said.append(Folded("gain", uses.tensors(found.gain)[0], names))
    found.settle(numbers)
    return ""


def _fold_back(numbers: Tensor, found: Gain, uses: Uses, said: list[Record]) -> str:
    """Fold a product into the contraction whose only reader it is; why not, else nothing."""
    assert found.before is not None
    if not uses.alone(found.gain):
        return "used more than once"
    for node in _sources(found.before[0]):
        known = contraction(node)
        if known is None or known.write is None or known.out is None:
            continue
        weights, bias = uses.weights(known), uses.own(node, known.bias)
        if weights is None or not uses.alone(weights):
            return "what it multiplies is tied"
        if known.bias and (bias is None or bias.ndim != 1 or not uses.alone(bias)):
            return "the bias of what it multiplies is tied"
        read = flow(uses.trace.graph, {node: positions(node, known.out)})
        if [(r.node, r.argument) for r in read] != [(_product(found), found.before[1])]:
            return "what it multiplies has other readers"
        rows = _entries(read[0].labels, found.labels, weights.shape[known.write])
        if rows is None:
            return "it multiplies along another axis"
        factor = found.values(numbers)[rows]
        along = [-1 if k == known.write else 1 for k in range(weights.ndim)]
        numbers[weights] = numbers[weights] * factor.view(along)
        if bias is not None:
            numbers[bias] = numbers[bias] * factor
        found.settle(numbers)
        said.append(Folded("gain", uses.tensors(found.gain)[0], uses.tensors(weights)))
        return ""
    return "what it multiplies is no contraction with weights"


def _product(found: Gain) -> Node:
    """The node of the product itself."""
    assert found.before is not None
    return next(n for n in (found.node, *found.node.all_input_nodes) if found.before[0] in n.all_input_nodes)


def _sources(node: Node) -> Iterator[Node]:
    """A value and what it is the only re-arrangement of."""
    while True:
        yield node
        if len(node.all_input_nodes) != 1:
            return
        node = node.all_input_nodes[0]


def _entries(units: Tensor, entries: Tensor, size: int) -> Tensor | None:
    """(size,) the entry of a gain that multiplies each unit; None where there is not one."""
    units = units.expand(entries.shape).flatten()
    entries = entries.flatten()
    made = torch.zeros(size, dtype=torch.int64)
    made[units] = entries
    return made if bool((made[units] == entries).all()) else None
