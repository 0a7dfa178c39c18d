"""Values written at numbered positions, and memory read with strides: what is named by number is pinned."""

import torch
from torch import Tensor

from lmc_core.operators import OPERATORS
from lmc_core.symmetry._solver.call import Call, Kept, Result, Rule, Unsupported
from lmc_core.symmetry._solver.terms import pinned, release
from lmc_core.symmetry._solver.unify import unify
from lmc_core.symmetry._solver.values import Value

LARGEST = 2**24
"""Elements of a tensor whose positions are followed one by one."""


def written_at(call: Call) -> Result:
    """scatter, scatter_add: values written at the positions that numbers name along one axis.

    The axis moves with the one that the numbers were chosen from; of numbers that were chosen from none, it is pinned.
    """
    x, pointer, source = call.need("self"), call.need("index"), call.take("src")
    axis = call.dim(x)
    others = [k for k in range(x.ndim) if k != axis]
    values = [x, pointer, *([source] if source is not None else [])]
    alike = {k for k in others if all(v.shape[k] == x.shape[k] for v in values)}
    follows = pointer.points is not None and pointer.points.size == x.shape[axis] and len(alike) == len(others)
    if follows:
        call.follow(pointer, x.axes[axis])
        if source is not None:
            unify(source.axes[axis], pointer.axes[axis])
    else:
        for value in values:
            call.mix(value, set(range(x.ndim)) - alike, _why(call))
    made = _together(call, [(v, [k if k in alike else None for k in range(v.ndim)]) for v in values], x, "product")
    if not follows:
        return made
    assert pointer.points is not None
    release([pointer.points, pointer.axes[axis]], [made.axes[k] for k in others])
    return Value((*made.axes[:axis], pointer.points, *made.axes[axis + 1 :]))


def written_along(call: Call) -> Result:
    """index_add, index_copy, index_fill: slices written at numbered positions of one axis."""
    x, index, source = call.need("self"), call.need("index"), call.take("source")
    call.take("value")
    axis = call.dim(x)
    if call.args.get("value", 0) != 0:  # the same number for all units
        call.limit_all(x, "centred")
    call.mix(index, range(index.ndim), _why(call))
    values = [x, *([source] if source is not None else [])]
    for value in values:
        call.mix(value, [axis], _why(call))
    return _together(call, [(v, [None if k == axis else k for k in range(v.ndim)]) for v in values], x, "sum")


def put(call: Call) -> Result:
    """x[i, :, j] = values: axes with an index are pinned, the others are those of the values."""
    x, values = call.need("self"), call.need("values")
    indices = call.take_list("indices")
    at: list[int] = []
    masks = 0
    axis = 0
    for index, laid in zip(call["indices"], call.memory["indices"], strict=True):
        mask = isinstance(index, Value) and laid.dtype in (torch.bool, torch.uint8)
        width = index.ndim if mask else 1
        at += range(axis, axis + width) if isinstance(index, Value) else ()
        masks += mask
        axis += width
    if not at or axis > x.ndim or (masks and len(indices) > 1):
        raise Unsupported("writing without an index, or by a mask beside other indices")
    for index in indices:
        call.mix(index, range(index.ndim), _why(call))
    call.mix(x, at, _why(call))
    kept = [k for k in range(x.ndim) if k not in at]
    width = 1 if masks else max(index.ndim for index in indices)
    together = at == list(range(at[0], at[-1] + 1))
    first = at[0] if together else 0
    region = [*kept[:first], *[None] * width, *kept[first:]]
    labels = region[len(region) - values.ndim :]
    call.mix(values, [k for k, label in enumerate(labels) if label is None], _why(call))
    places = [None if k in at else k for k in range(x.ndim)]
    return _together(call, [(x, places), (values, labels)], x, "sum")


def strided(call: Call) -> Result:
    """as_strided: an axis passes where it is read position by position, and nothing else reads along it.

    The position of every element is followed through the memory, so that overlapping windows of one axis leave the
    others alone.
    """
    x, laid = call.need("self"), call.memory["self"]
    size, stride = [int(s) for s in call["size"]], [int(s) for s in call["stride"]]
    places = _places(laid, size, stride, call.args.get("storage_offset"))
    why = OPERATORS[call.op].why
    if places is None:
        call.mix(x, range(x.ndim), why)
        return call.fixed(call.shape, why)
    passed: dict[int, int] = {}
    for old, place in enumerate(places):
        for new in range(len(size)):
            if x.shape[old] == size[new] > 1 and _is_own(place, new):
                passed[new] = old
                break
    call.mix(x, set(range(x.ndim)) - set(passed.values()), why)
    return Value(tuple(x.axes[passed[k]] if k in passed else pinned(s, why) for k, s in enumerate(size)))


def _places(laid: Tensor, size: list[int], stride: list[int], offset: int | None) -> list[Tensor] | None:
    """Axis of a tensor in memory → its position in every element of another view of that memory; None if the view
    reads anything beside the tensor, or too much."""
    reach = 1 + sum((s - 1) * step for s, step in zip(laid.shape, laid.stride(), strict=True))
    start = 0 if offset is None else int(offset) - int(laid.storage_offset())
    end = start + sum((s - 1) * step for s, step in zip(size, stride, strict=True))
    made = torch.Size(size).numel()
    if not 0 <= start <= end < reach or max(reach, made) > LARGEST or not laid.numel() or not made:
        return None
    memory = torch.full((reach,), -1)
    memory.as_strided(laid.shape, laid.stride()).copy_(torch.arange(laid.numel()).view(laid.shape))
    read = memory.as_strided(size, stride, start)
    if bool((read < 0).any()):
        return None
    return list(torch.unravel_index(read, laid.shape))


def _is_own(place: Tensor, axis: int) -> bool:
    """Whether positions run along one axis from the first to the last, and along no other."""
    line = torch.arange(place.shape[axis]).view([-1 if k == axis else 1 for k in range(place.ndim)])
    return bool((place == line).all())


def _together(call: Call, values: list[tuple[Value, list[int | None]]], x: Value, kept: Kept) -> Value:
    """The axes of x, where those with the same number are one; an axis with none is pinned by now.

    values   (value, number of the axis of x that each of its axes is)
    """
    values = [
        (v, labels) for v, labels in values if v.known is None or bool(v.known.any())
    ] or values  # zeros add nothing
    operands = [
        (Value(tuple(a for a, label in zip(v.axes, labels, strict=True) if label is not None), data=v.data), labels)
        for v, labels in values
    ]
    numbers = sorted({label for _, labels in values for label in labels if label is not None})
    made = call.combine([(v, [k for k in labels if k is not None]) for v, labels in operands], numbers, kept)
    found = dict(zip(numbers, made.axes, strict=True))
    why = _why(call)
    return Value(tuple(found.get(k) or pinned(size, why) for k, size in enumerate(x.shape)))


def _why(call: Call) -> str:
    return OPERATORS[call.op].why


RULES: tuple[Rule, ...] = (written_at, written_along, put, strided)
