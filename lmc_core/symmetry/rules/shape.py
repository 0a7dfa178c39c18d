"""Re-arrangements of the same numbers: other shapes, other orders, copies along new axes."""

from collections.abc import Sequence
from math import prod

from lmc_core.symmetry._solver.call import Call, Result, Rule, Unsupported, plain
from lmc_core.symmetry._solver.terms import Term, factors_of, pin, pinned, product, uniform
from lmc_core.symmetry._solver.unify import take
from lmc_core.symmetry._solver.values import Value, merged


def the_input(call: Call) -> Value:
    """The tensor an operation acts on."""
    return call.need("self" if "self" in call.args else "input")


def reshape(call: Call) -> Result:
    """Axes refined into factors and merged into products."""
    x = the_input(call)
    call.take("other")
    if 0 in call.shape and (same := _kept(x.shape, call.shape)):
        ones = tuple(pinned(1, "a single position") for _ in range(len(call.shape) - same))
        return Value((*ones, *x.axes[-same:]), (*((),) * len(ones), *x.slots[-same:]))
    if 0 in call.shape:
        call.mix(x, range(x.ndim), "a tensor without elements")
        return call.fixed(call.shape, "a tensor without elements")
    made = view(x.axes, call.shape)
    axes, slots = [], []
    for term, numbers in made:
        axes.append(term)
        slots.append(merged(x.slots[n] for n in numbers))
    whole = x.whole if [s for s in call.shape if s != 1] == [s for s in x.shape if s != 1] else None
    return Value(tuple(axes), tuple(slots), whole=whole)


def _kept(old: Sequence[int], new: Sequence[int]) -> int:
    """How many trailing axes a view keeps, if those before them are single positions; 0 if they are not."""
    same = 0
    while same < min(len(old), len(new)) and old[-1 - same] == new[-1 - same]:
        same += 1
    return same if {*old[: len(old) - same], *new[: len(new) - same]} <= {1} else 0


def view(axes: Sequence[Term], shape: Sequence[int]) -> list[tuple[Term, tuple[int, ...]]]:
    """Axes of a tensor viewed in another shape, each with the numbers of the old axes it comes from.

    Runs of old and new axes with equal products are treated apart: what cannot be divided pins only its own run.
    """
    made: list[tuple[Term, tuple[int, ...]]] = []
    old = [(number, axis) for number, axis in enumerate(axes) if axis.size != 1]
    new = list(shape)
    while new:
        if new[0] == 1:
            made.append((pinned(1, "a single position"), ()))
            new.pop(0)
            continue
        run, sizes = [old.pop(0)], [new.pop(0)]
        while (have := prod(a.size for _, a in run)) != (want := prod(sizes)):
            if have < want:
                run.append(old.pop(0))
            else:
                sizes.append(new.pop(0))
        numbers = tuple(number for number, _ in run)
        made.extend((term, numbers) for term in _view_run([axis for _, axis in run], sizes))
    return made


def _view_run(axes: list[Term], sizes: list[int]) -> list[Term]:
    rest = [factor for axis in axes for factor in factors_of(axis)]
    made: list[Term] = []
    for size in sizes:
        taken = take(rest, size)
        if taken is None:
            why = "axes that a view divides across the grain"
            for axis in axes:
                pin(axis, why)
            return [pinned(s, why) for s in sizes]
        made.append(product(taken[0]))
        rest = taken[1]
    return made


def permute(call: Call) -> Result:
    """Axes in another order."""
    x = the_input(call)
    return x.arranged([int(d) % x.ndim for d in call["dims"]])


def transpose(call: Call) -> Result:
    """Two axes exchanged; without arguments the last two."""
    x = the_input(call)
    pair = [call.args[n] for n in ("dim0", "dim1", "axis0", "axis1") if n in call.args] or [-2, -1]
    order = list(range(x.ndim))
    if x.ndim > 1:
        a, b = (int(d) % x.ndim for d in pair)
        order[a], order[b] = order[b], order[a]
    return x.arranged(order)


def movedim(call: Call) -> Result:
    """Axes moved to other places."""
    x = the_input(call)
    sources = [d % x.ndim for d in plain(call["source"])]
    targets = [d % x.ndim for d in plain(call["destination"])]
    order = [k for k in range(x.ndim) if k not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return x.arranged(order)


def expand(call: Call) -> Result:
    """Axes of size 1 grow: values are equal along them."""
    x = the_input(call)
    for argument in ("other", "mat2"):
        call.take(argument)
    extra = len(call.shape) - x.ndim
    axes: list[Term] = [uniform(size) for size in call.shape[:extra]]
    for axis, size in zip(x.axes, call.shape[extra:], strict=True):
        axes.append(axis if axis.size == size else uniform(size))
    return Value(tuple(axes), ((),) * extra + x.slots)


def repeat(call: Call) -> Result:
    """Whole axes repeated one after the other: repetition · axis."""
    x = the_input(call)
    times = plain(call["repeats" if "repeats" in call.args else "dims"])
    rank = len(call.shape)
    times = [1] * (rank - len(times)) + times
    axes: list[Term] = [pinned(1, "a single position")] * (rank - x.ndim) + list(x.axes)
    slots = ((),) * (rank - x.ndim) + x.slots
    return Value(tuple(product((uniform(n), a)) for n, a in zip(times, axes, strict=True)), slots)


def repeat_interleave(call: Call) -> Result:
    """Every element repeated: axis · repetition."""
    x = the_input(call)
    if not isinstance(call.args.get("repeats"), int) or call.args.get("dim") is None:
        raise Unsupported("repetitions that differ between positions")
    axis = call.dim(x)
    axes = list(x.axes)
    axes[axis] = product((x.axes[axis], uniform(int(call["repeats"]))))
    return Value(tuple(axes), x.slots)


def squeeze(call: Call) -> Result:
    """Axes of size 1 dropped."""
    x = the_input(call)
    dims = set(call.dims(x)) if "dim" in call.args else set(range(x.ndim))
    kept = [k for k in range(x.ndim) if k not in dims or x.shape[k] != 1]
    return x.arranged(kept)


def unsqueeze(call: Call) -> Result:
    """A new axis of size 1."""
    x = the_input(call)
    axis = int(call["dim"]) % (x.ndim + 1)
    single = pinned(1, "a single position")
    axes, slots = (*x.axes[:axis], single, *x.axes[axis:]), (*x.slots[:axis], (), *x.slots[axis:])
    return Value(axes, slots, whole=x.whole)


RULES: tuple[Rule, ...] = (reshape, permute, transpose, movedim, expand, repeat, repeat_interleave, squeeze, unsqueeze)
