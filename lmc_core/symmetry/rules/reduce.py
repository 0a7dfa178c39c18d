"""Reductions: the reduced axes vanish, and nothing stays separate per index of them."""

from collections.abc import Sequence
from dataclasses import replace

from lmc_core.operators import Kind
from lmc_core.symmetry._solver.call import Call, Result, Rule
from lmc_core.symmetry._solver.terms import pinned, product, release
from lmc_core.symmetry._solver.values import Value

_ALONG: dict[str, Kind] = {
    **dict.fromkeys(("mean", "sum", "std", "var", "std_mean", "var_mean"), "centred"),
    **dict.fromkeys(("linalg_vector_norm", "linalg_norm", "norm"), "orthogonal"),
}
_BESIDE: dict[str, Kind] = {
    **dict.fromkeys(("mean", "sum"), "general"),
    **dict.fromkeys(("amax", "amin", "std", "linalg_vector_norm", "linalg_norm", "norm"), "scaled"),
}
"""Operation → the class it leaves the axes it reduces, and those beside them; of others only permutations."""


def reduce(call: Call) -> Result:
    """Any order of the reduced axes gives the same result."""
    x = call.need("self")
    gone = set(call.dims(x))
    euclidean = call.args.get("ord", call.args.get("p", 2)) in (2, None)
    for axis in range(x.ndim):
        kind = (_ALONG if axis in gone else _BESIDE).get(call.op, "permutation") if euclidean else "permutation"
        if x.square:
            kind = "orthogonal" if axis in gone and call.op in ("mean", "sum") else "permutation"
        call.limit(x, axis, kind)
    return _reduced(call, x)


def _reduced(call: Call, x: Value) -> Result:
    gone = set(call.dims(x))
    release([x.axes[k] for k in gone], [t for k, t in enumerate(x.axes) if k not in gone])
    made = [_without(x, gone, shape) for shape in call.shapes]
    return made if len(made) > 1 else made[0]


def _without(x: Value, gone: set[int], shape: tuple[int, ...]) -> Value:
    if len(shape) == x.ndim:
        axes = tuple(pinned(1, "a single position") if k in gone else t for k, t in enumerate(x.axes))
        return Value(axes, tuple(() if k in gone else s for k, s in enumerate(x.slots)))
    kept = [k for k in range(x.ndim) if k not in gone]
    return Value(tuple(x.axes[k] for k in kept), tuple(x.slots[k] for k in kept))


def extreme(call: Call) -> Result:
    """max, min, median along an axis: where it is found has a meaning only if it is read."""
    x = call.need("self")
    made = _reduced(call, x)
    if isinstance(made, list) and len(call.names) > 1 and call.names[1] is not None:
        return [made[0], _pointing(x, call.dims(x), made[1])]
    return made


def position(call: Call) -> Result:
    """argmax and its like: the result names positions of the reduced axis."""
    x = call.need("self")
    made = _reduced(call, x)
    assert isinstance(made, Value)
    return _pointing(x, call.dims(x), made)


def _pointing(x: Value, dims: Sequence[int], made: Value) -> Value:
    return replace(made, points=product(x.axes[k] for k in dims))


def binary_extreme(call: Call) -> Result:
    """max, min: of two tensors, or along an axis, or of everything."""
    other = call.take("other")
    if other is not None:
        return call.pointwise([call.need("self"), other])
    return extreme(call)


RULES: tuple[Rule, ...] = (reduce, extreme, position, binary_extreme)
