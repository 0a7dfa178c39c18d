"""Operations in which the order of positions matters, or that no rule sees into: their axes are pinned on purpose."""

from dataclasses import replace
from itertools import pairwise

import torch

from lmc_core.operators import OPERATORS
from lmc_core.symmetry._solver.call import Call, Result, Rule
from lmc_core.symmetry._solver.terms import Term, concatenation, pin, pinned, release
from lmc_core.symmetry._solver.unify import cut
from lmc_core.symmetry._solver.values import Value
from lmc_core.symmetry.rules.parts import part, single, stands_alone


def ordered(call: Call) -> Result:
    """Running sums, flips, sorts along one axis: that axis is pinned, the others pass."""
    x = call.need("self")
    if "dims" in call.args and call["dims"] is not None:
        axes = call.dims(x, "dims")
    elif call.args.get("dim") is not None:
        axes = call.dims(x)
    else:
        axes = list(range(x.ndim))
    why = OPERATORS[call.op].why or f"its order matters (aten.{call.op})"
    call.mix(x, axes, why)
    made = [
        Value(tuple(t if k not in axes else pinned(shape[k], why) for k, t in enumerate(x.axes)))
        for shape in call.shapes
    ]
    return made if len(made) > 1 else made[0]


def ranked(call: Call) -> Result:
    """sort, topk: values by size whatever their order before, and numbers that name where they were."""
    x = call.need("self")
    axis = call.dim(x) if x.ndim else 0
    why = f"ordered by size (aten.{call.op})"
    if not x.ndim:
        return [Value(x.axes) for _ in call.shapes]
    release([x.axes[axis]], [t for k, t in enumerate(x.axes) if k != axis])
    made = [Value((*x.axes[:axis], pinned(s[axis], why), *x.axes[axis + 1 :])) for s in call.shapes]
    made[-1:] = [replace(made[-1], points=x.axes[axis])] if call.op != "msort" else made[-1:]
    return made if len(made) > 1 else made[0]


def triangle(call: Call) -> Result:
    """tril, triu: the last two axes are ordered."""
    x = call.need("self")
    call.mix(x, [x.ndim - 2, x.ndim - 1], f"its order matters (aten.{call.op})")
    return Value(x.axes)


def looked_up(call: Call) -> Result:
    """index_select, gather along an axis: positions of that axis are named by number."""
    x, index = call.need("self"), call.need("index")
    axis = call.dim(x)
    if index.points is not None and x.shape[axis] == index.points.size:
        return _fetched(call, x, axis, index)
    if call.op == "index_select" and (chosen := _chosen(x, axis, index)) is not None:
        return chosen
    why = f"its positions are named by number (aten.{call.op})"
    call.mix(x, [axis], why)
    if call.op == "index_select":
        call.mix(index, range(index.ndim), why)
        return Value(tuple(t if k != axis else pinned(call.shape[axis], why) for k, t in enumerate(x.axes)))
    whole = {k for k in range(x.ndim) if k != axis and x.shape[k] == index.shape[k]}
    call.mix(x, set(range(x.ndim)) - whole, why)
    call.mix(index, set(range(x.ndim)) - whole, why)
    single = pinned(1, why)
    bare = [Value(tuple(t if k in whole else single for k, t in enumerate(v.axes))) for v in (x, index)]
    made = call.combine([(v, range(x.ndim)) for v in bare], range(x.ndim))
    return Value(tuple(made.axes[k] if k in whole else pinned(s, why) for k, s in enumerate(call.shape)))


def indexed(call: Call) -> Result:
    """x[i, :, j]: axes with an index are pinned, the others pass."""
    x = call.need("self")
    why = "its positions are named by number (aten.index)"
    given = list(call["indices"])
    indices = call.take_list("indices")
    at = [axis for axis, entry in enumerate(given) if isinstance(entry, Value)]
    if len(at) == 1 and (chosen := _chosen(x, at[0], indices[0])) is not None:
        return chosen
    if len(at) == 1 and (points := indices[0].points) is not None and points.size == x.shape[at[0]]:
        return _fetched(call, x, at[0], indices[0])
    for index in indices:
        call.mix(index, range(index.ndim), why)
    call.mix(x, at, why)
    kept: list[Term] = [t for k, t in enumerate(x.axes) if k not in at]
    count = len(call.shape) - len(kept)
    together = at == list(range(at[0], at[-1] + 1))
    first = at[0] if together else 0
    new = [pinned(size, why) for size in call.shape[first : first + count]]
    return Value((*kept[:first], *new, *kept[first:]))


def _fetched(call: Call, x: Value, axis: int, pointer: Value) -> Value:
    """Entries of an axis by the numbers that name them: the axis moves with the one they were chosen from."""
    call.follow(pointer, x.axes[axis])
    release([x.axes[axis]], [t for k, t in enumerate(x.axes) if k != axis])
    call.reads(x, axis)
    if call.op != "gather":
        return Value((*x.axes[:axis], *pointer.axes, *x.axes[axis + 1 :]))
    whole = {k for k in range(x.ndim) if k != axis and x.shape[k] == pointer.shape[k]}
    why = f"its positions are named by number (aten.{call.op})"
    call.mix(x, set(range(x.ndim)) - whole - {axis}, why)
    call.mix(pointer, set(range(x.ndim)) - whole - {axis}, why)
    single = pinned(1, why)
    bare = [Value(tuple(t if k in whole else single for k, t in enumerate(v.axes))) for v in (x, pointer)]
    made = call.combine([(v, range(x.ndim)) for v in bare], range(x.ndim))
    return Value(tuple(made.axes[k] if k in whole else pointer.axes[k] for k in range(x.ndim)))


def marked(call: Call) -> Result:
    """one_hot: an axis of its own with a one at the position that a number names."""
    pointer = call.need("self")
    if pointer.points is None or call.shape[-1] != pointer.points.size:
        return opaque(call)
    call.follow(pointer, pointer.points)
    return Value((*pointer.axes, pointer.points))


MOST_RUNS = 64


def _chosen(x: Value, axis: int, index: Value) -> Value | None:
    """What known numbers choose of an axis: runs of positions, one after the other; None if they are not known."""
    if index.known is None or index.ndim != 1 or index.known.dtype is torch.bool or not index.known.numel():
        return None
    size = x.shape[axis]
    wanted = [int(number) % size for number in index.known]
    if len(wanted) == 1 and stands_alone(x.axes[axis]):
        return single(x, axis, wanted[0])
    starts = [0, *(k for k in range(1, len(wanted)) if wanted[k] != wanted[k - 1] + 1), len(wanted)]
    runs = [(wanted[a], wanted[b - 1] + 1) for a, b in pairwise(starts)]
    if len(runs) > MOST_RUNS:
        return None
    ends = sorted({0, size, *(end for run in runs for end in run)})
    pieces = dict(zip(ends, cut(x.axes[axis], [b - a for a, b in pairwise(ends)]), strict=False))
    return part(x, axis, concatenation(pieces[end] for start, stop in runs for end in ends if start <= end < stop))


def opaque(call: Call) -> Result:
    """Every axis of every argument is pinned."""
    known = OPERATORS.get(call.op)
    why = (known and known.why) or f"no rule sees into aten.{call.op}"
    for value in call.tensors():
        call.mix(value, range(value.ndim), why)
        if value.points is not None:
            pin(value.points, why)
    for argument, value in call.args.items():
        if isinstance(value, list | tuple):
            call.take_list(argument)
        else:
            call.take(argument)
    made = [call.fixed(shape, why) for shape in call.shapes]
    return made if len(made) != 1 else made[0]


RULES: tuple[Rule, ...] = (ordered, ranked, triangle, looked_up, indexed, marked, opaque)
