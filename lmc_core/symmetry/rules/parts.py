"""Parts of one axis, and several tensors in one: slices, splits, concatenations, paddings."""

from collections.abc import Sequence
from itertools import pairwise

from lmc_core.symmetry._solver.call import Call, Result, Rule, plain
from lmc_core.symmetry._solver.terms import (
    Dual,
    Prod,
    Sum,
    Term,
    Var,
    concatenation,
    find,
    leaves,
    pin,
    pinned,
    release,
    uniform,
)
from lmc_core.symmetry._solver.unify import cut, nested_axes, select
from lmc_core.symmetry._solver.values import Value, merged
from lmc_core.symmetry.rules.shape import the_input

INDEX = "an index into it has a meaning"
NUMBER = "its positions number values that are made apart, by other tensors or in other ways"


def cat(call: Call) -> Result:
    """One axis is the concatenation, the others are equal."""
    values = [v for v in call.take_list("tensors") if v.ndim > 1 or v.shape != (0,)]
    axis = int(call.args.get("dim", 0)) % values[0].ndim
    if all(v.shape[axis] == 1 for v in values) and len(values) > 1:
        return numbered(call, values, axis)
    return join(call, values, axis, concatenation(v.axes[axis] for v in values))


def join(call: Call, values: Sequence[Value], axis: int, term: Term) -> Value:
    """Values side by side along one axis; their other axes are equal."""
    rank = values[0].ndim
    single = pinned(1, "a single position")
    bare = [
        Value(
            (*v.axes[:axis], single, *v.axes[axis + 1 :]),
            (*v.slots[:axis], (), *v.slots[axis + 1 :]),
            v.name,
            v.data,
        )
        for v in values
    ]
    made = call.combine([(v, range(rank)) for v in bare], range(rank), "sum")
    release((v.axes[axis] for v in values), (t for k, t in enumerate(made.axes) if k != axis))
    if made.data:
        for value in values:
            if not value.data:
                call.writes(value, axis)
    slots = (*made.slots[:axis], merged(v.slots[axis] for v in values), *made.slots[axis + 1 :])
    return Value((*made.axes[:axis], term, *made.axes[axis + 1 :]), slots if not made.data else (), data=made.data)


def stack(call: Call) -> Result:
    """A new axis that numbers the tensors."""
    values = call.take_list("tensors")
    axis = int(call.args.get("dim", 0)) % (values[0].ndim + 1)
    single = pinned(1, "a single position")
    grown = [
        Value((*v.axes[:axis], single, *v.axes[axis:]), (*v.slots[:axis], (), *v.slots[axis:]), v.name, v.data)
        for v in values
    ]
    return numbered(call, grown, axis)


def numbered(call: Call, values: Sequence[Value], axis: int) -> Value:
    """Single slices side by side: what each holds on its other axes stays its own."""
    number = pinned(len(values), NUMBER)
    rank = values[0].ndim
    axes = nested_axes([[*v.axes[:axis], *v.axes[axis + 1 :]] for v in values], number)
    axes.insert(axis, number)
    data = any(v.data for v in values)
    if data:
        for value in values:
            if not value.data:
                for k in range(rank):
                    call.writes(value, k)
    return Value(tuple(axes), tuple(merged(v.slots[k] for v in values) for k in range(rank)), data=data)


def pieces(call: Call) -> Result:
    """split, chunk: parts of one axis."""
    x = the_input(call)
    axis = int(call.args.get("dim", 0)) % x.ndim
    sizes = [shape[axis] for shape in call.shapes]
    if all(size == 1 for size in sizes):
        return [single(x, axis, index) for index in range(len(sizes))]
    return [part(x, axis, term) for term in cut(x.axes[axis], sizes)]


def single(x: Value, axis: int, index: int) -> Value:
    """One position of an axis, which stays as an axis of size 1."""
    made = _at(x, axis, index)
    one = pinned(1, "a single position")
    axes, slots = (*made.axes[:axis], one, *made.axes[axis:]), (*made.slots[:axis], (), *made.slots[axis:])
    return Value(axes, slots)


def stands_alone(term: Term) -> bool:
    """Whether taking one position out of an axis leaves no units that could still be re-ordered."""
    return term.size <= 2 or all(var.why for var in leaves(term))


def part(x: Value, axis: int, term: Term) -> Value:
    """A value of which one axis is only a part."""
    return Value((*x.axes[:axis], term, *x.axes[axis + 1 :]), x.slots)


def slices(call: Call) -> Result:
    """A run of positions of one axis; every other position only if the axis cannot move."""
    x = the_input(call)
    axis = int(call.args.get("dim", 0)) % x.ndim
    size = x.shape[axis]
    if "length" in call.args:
        start, stop, step = int(call["start"]), int(call["start"]) + int(call["length"]), 1
    else:
        start, stop, step = slice(call.args.get("start"), call.args.get("end"), call.args.get("step", 1)).indices(size)
    if not call.shape[axis]:
        return part(x, axis, pinned(0, "no position"))
    if step != 1 or stop <= start:
        call.mix(x, [axis], "every so many positions are taken from it")
        return part(x, axis, pinned(call.shape[axis], INDEX))
    if (start, stop) == (0, size):
        return Value(x.axes, x.slots, whole=x.whole)
    if stop - start == 1 and stands_alone(x.axes[axis]):
        return single(x, axis, start)
    return part(x, axis, _between(x.axes[axis], start, stop)[1])


def _between(term: Term, start: int, stop: int) -> tuple[list[Term], Term, list[Term]]:
    """What lies before, between and after two positions of an axis."""
    sizes = [b - a for a, b in pairwise((0, start, stop, term.size))]
    terms = iter(cut(term, [size for size in sizes if size]))
    before = [next(terms)] if sizes[0] else []
    middle = next(terms)
    return before, middle, list(terms)


def slice_scatter(call: Call) -> Result:
    """A run of positions of one axis replaced by another tensor."""
    x, source = the_input(call), call.need("src")
    axis = int(call.args.get("dim", 0)) % x.ndim
    size = x.shape[axis]
    start, stop, step = slice(call.args.get("start"), call.args.get("end"), call.args.get("step", 1)).indices(size)
    if step != 1 or stop <= start:
        for value in (x, source):
            call.mix(value, [axis], "every so many positions of it are replaced")
        return join(call, [x, source], axis, pinned(size, INDEX))
    before, middle, after = _between(x.axes[axis], start, stop)
    made = call.pointwise([part(x, axis, middle), source], source.shape)
    return part(made, axis, concatenation((*before, made.axes[axis], *after)))


def select_scatter(call: Call) -> Result:
    """One position of an axis replaced by another tensor."""
    x, source = the_input(call), call.need("src")
    axis = call.dim(x)
    call.mix(x, [axis], INDEX)
    single = Value((*source.axes[:axis], pinned(1, INDEX), *source.axes[axis:]))
    return call.combine([(x, range(x.ndim)), (single, range(x.ndim))], range(x.ndim))


def select_one(call: Call) -> Result:
    """One position of an axis: units that were separate per position become this position's."""
    x = the_input(call)
    axis = int(call.args.get("dim", 0)) % x.ndim
    return _at(x, axis, int(call["index"]) % x.shape[axis])


def unbind(call: Call) -> Result:
    """Every position of an axis as a tensor of its own."""
    x = the_input(call)
    axis = int(call.args.get("dim", 0)) % x.ndim
    return [_at(x, axis, index) for index in range(x.shape[axis])]


def _at(x: Value, axis: int, index: int) -> Value:
    others = [k for k in range(x.ndim) if k != axis]
    terms = [x.axes[k] for k in others]
    for var, number in _digits(x.axes[axis], index):
        pin(var, INDEX)
        terms = [select(term, var, number) for term in terms]
    return Value(tuple(terms), tuple(x.slots[k] for k in others))


def _digits(term: Term, index: int) -> list[tuple[Var, int]]:
    """A position of an axis as positions of its variables."""
    match find(term):
        case Var() as var:
            return [(var, index)]
        case Dual(of=var):
            return [(var, index)]
        case Prod(factors=factors):
            found: list[tuple[Var, int]] = []
            for factor in reversed(factors):
                index, digit = divmod(index, factor.size)
                found[:0] = _digits(factor, digit)
            return found
        case Sum(parts=parts):
            for some in parts:
                if index < some.size:
                    return _digits(some, index)
                index -= some.size
    raise AssertionError(term)


def pad(call: Call) -> Result:
    """A constant before and after: new units, all alike; other paddings mix positions."""
    x = the_input(call)
    if call.args.get("mode", "constant") != "constant":
        widths = plain(call["pad"])
        touched = [x.ndim - 1 - k // 2 for k, width in enumerate(widths) if width]
        call.mix(x, touched, "positions at the border are copied")
        return Value(tuple(t if k not in touched else pinned(call.shape[k], INDEX) for k, t in enumerate(x.axes)))
    widths = plain(call["pad"])
    axes = list(x.axes)
    if call.args.get("value"):
        call.limit_all(x, "centred")
    for number in range(len(widths) // 2):
        axis = x.ndim - 1 - number
        left, right = widths[2 * number : 2 * number + 2]
        size = axes[axis].size
        kept = axes[axis]
        if left < 0 or right < 0:
            kept = _between(kept, max(0, -left), size - max(0, -right))[1]
        parts = [*([uniform(left)] if left > 0 else []), kept, *([uniform(right)] if right > 0 else [])]
        axes[axis] = concatenation(parts)
    return Value(tuple(axes), x.slots)


def glu(call: Call) -> Result:
    """a · σ(b) for the two halves a + b of an axis."""
    x = the_input(call)
    axis = call.dim(x)
    half = x.shape[axis] // 2
    return call.pointwise([part(x, axis, term) for term in cut(x.axes[axis], [half, half])])


def diagonal(call: Call) -> Result:
    """The diagonal of two axes, which are equal and keep their order."""
    x = the_input(call)
    pair = [int(call.args.get(name, default)) % x.ndim for name, default in (("dim1", 0), ("dim2", 1))]
    call.mix(x, pair, "a diagonal pairs its positions")
    kept = [k for k in range(x.ndim) if k not in pair]
    return Value((*(x.axes[k] for k in kept), pinned(call.shape[-1], INDEX)))


RULES: tuple[Rule, ...] = (
    cat,
    stack,
    pieces,
    slices,
    slice_scatter,
    select_scatter,
    select_one,
    unbind,
    pad,
    glu,
    diagonal,
)
