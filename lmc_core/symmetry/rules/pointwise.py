"""Operations that treat every position alike: aligned axes are equal."""

from dataclasses import replace

from lmc_core.operators import OPERATORS
from lmc_core.symmetry._solver.call import Call, Result, Rule
from lmc_core.symmetry._solver.terms import is_uniform, uniform
from lmc_core.symmetry._solver.values import Value


def pointwise(call: Call) -> Result:
    """Broadcast all tensor arguments against each other; sums and products leave what they are linear in."""
    values = call.tensors()
    affine = OPERATORS[call.op].affine
    for argument, value in call.args.items():
        if isinstance(value, Value):
            call.take(argument)
        elif isinstance(value, list | tuple) and any(isinstance(v, Value) for v in value):
            call.take_list(argument)
    if affine == "product" and len(values) == 2 and values[0] is values[1]:
        return power(call)
    if affine == "quotient" and isinstance(divisor := call.args["other"], Value):
        _limit_divisor(call, divisor)
    if affine == "sum" and call.args.get("other") and not isinstance(call.args["other"], Value):
        if values[0].whole in call.facts.even and set(call.readers) == {"mul"}:  # a gain of equal entries, as 1 + γ
            return replace(call.pointwise(values, kept="sum"), whole=values[0].whole)
        call.limit_all(values[0], "centred")  # a number added everywhere
    return call.pointwise(values, kept="sum" if affine == "sum" else "product" if affine else "")


def _limit_divisor(call: Call, divisor: Value) -> None:
    for axis in range(divisor.ndim):
        if not is_uniform(divisor.axes[axis]):
            call.limit(divisor, axis, "permutation")


def power(call: Call) -> Result:
    """x², which a later sum over all units reads as their length; any other power, or reader, sees each unit."""
    values = call.tensors()
    for argument in call.args:
        call.take(argument)
    squared = call.op != "pow" or call.args["exponent"] == 2
    if not squared or len({id(v) for v in values}) > 1:
        for value in values:
            call.limit_all(value, "permutation")
        return call.pointwise(values)
    return replace(call.pointwise(values[:1]), square=True)


def same(call: Call) -> Value:
    """The first argument, value by value: copies, casts, dropout at rest."""
    value = call.need("self" if "self" in call.args else "input")
    if not getattr(call.args.get("dtype"), "is_floating_point", True):
        call.limit_all(value, "permutation")
    return Value(value.axes, value.slots, whole=value.whole, square=value.square)


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


RULES: tuple[Rule, ...] = (pointwise, power, same, cast_like, copy, prelu, dropout, complex_pairs, real_pairs)
