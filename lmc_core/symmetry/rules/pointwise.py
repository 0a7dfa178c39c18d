"""Operations that treat every position alike: aligned axes are equal."""

from lmc_core.symmetry._solver.call import Call, Result, Rule
from lmc_core.symmetry._solver.terms import uniform
from lmc_core.symmetry._solver.values import Value


def pointwise(call: Call) -> Result:
    """Broadcast all tensor arguments against each other."""
    values = call.tensors()
    for argument, value in call.args.items():
        if isinstance(value, Value):
            call.take(argument)
        elif isinstance(value, list | tuple) and any(isinstance(v, Value) for v in value):
            call.take_list(argument)
    return call.pointwise(values)


def same(call: Call) -> Value:
    """The first argument, value by value: copies, casts, dropout at rest."""
    value = call.need("self" if "self" in call.args else "input")
    return Value(value.axes, value.slots, whole=value.whole)


def cast_like(call: Call) -> Result:
    """The first argument in the type of another tensor, whose values do not matter."""
    call.take("other")
    return same(call)


def copy(call: Call) -> Result:
    """The second argument, broadcast to the shape of the first, whose values do not matter."""
    call.take("self")
    source = call.need("src")
    blank = Value(tuple(uniform(size) for size in call.shape), data=False)
    return call.pointwise([blank, source])


def prelu(call: Call) -> Result:
    """Slopes per channel: axis 1 of the input, unless there is one slope for all."""
    x, weight = call.need("self"), call.need("weight")
    if weight.axes[0].size == 1 or x.ndim < 2:
        return call.pointwise([x, weight])
    return call.combine([(x, range(x.ndim)), (weight, [1])], range(x.ndim))


def dropout(call: Call) -> Result:
    """At rest the identity; in training random numbers fall on positions."""
    if call["train"]:
        for value in call.tensors():
            call.mix(value, range(value.ndim), "random numbers fall on it (dropout in training)")
    rested = same(call)
    return [rested, rested] if len(call.shapes) == 2 else rested


def complex_pairs(call: Call) -> Result:
    """view_as_complex: the last axis holds real and imaginary part."""
    x = call.need("self")
    call.mix(x, [x.ndim - 1], "real and imaginary part")
    return Value(x.axes[:-1], x.slots[:-1])


def real_pairs(call: Call) -> Result:
    """view_as_real: a last axis of real and imaginary part."""
    x = call.need("self")
    return Value((*x.axes, *call.fixed([2], "real and imaginary part").axes), (*x.slots, ()))


RULES: tuple[Rule, ...] = (pointwise, same, cast_like, copy, prelu, dropout, complex_pairs, real_pairs)
