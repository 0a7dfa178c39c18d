"""Normalisations, and other operations whose output at one position depends on a whole axis without its order."""

from lmc_core.symmetry._solver.call import Call, Result, Rule
from lmc_core.symmetry._solver.terms import Term, product, release
from lmc_core.symmetry._solver.unify import split
from lmc_core.symmetry._solver.values import Value
from lmc_core.symmetry.rules.linear import hint


def batch_norm(call: Call) -> Result:
    """Affine parameters and running statistics = the channel axis."""
    x = call.need("input")
    training = bool(call.args.get("training", call.args.get("use_input_stats", "no_training" not in call.op)))
    return _per_channel(call, x, list(range(2, x.ndim)), batch=training and "batch" in call.op, mixes=training)


def _per_channel(call: Call, x: Value, space: list[int], *, batch: bool, mixes: bool) -> Result:
    channel = min(1, x.ndim - 1)
    if mixes:
        mixed = ([0] if batch else []) + space
        release([x.axes[a] for a in mixed], [x.axes[channel]] + ([] if batch else [x.axes[0]]))
    operands = [(x, range(x.ndim))]
    for argument in ("weight", "bias", "running_mean", "running_var"):
        value = call.take(argument)
        if value is not None:
            operands.append((value, range(channel, channel + 1)))
    made = call.combine(operands, range(x.ndim), "")
    if len(call.shapes) == 1:
        return made
    return [made, *(call.fixed(shape, "statistics of a batch") for shape in call.shapes[1:])]


def group_norm(call: Call) -> Result:
    """The channel axis is g · (c within g); the affine parameters = the channel axis."""
    x = call.need("input")
    groups = int(call.args.get("num_groups", call.args.get("group", 1)))
    inside: list[Term] = [x.axes[1]]
    outer: list[Term] = []
    if 1 < groups < x.shape[1]:
        g, c = split(x.axes[1], groups)
        grouped = Value((g, c))
        hint(grouped, 0, "group")
        hint(grouped, 1, "channel")
        outer, inside = [g], [c]
        x = Value((x.axes[0], product((g, c)), *x.axes[2:]), x.slots, x.name, x.data)
    elif groups == x.shape[1]:
        outer, inside = inside, []
    release([*inside, *x.axes[2:]], [x.axes[0], *outer])
    return _per_channel(call, x, [], batch=False, mixes=False)


def layer_norm(call: Call) -> Result:
    """Statistics over the last axes, which the affine parameters share."""
    x = call.need("input")
    count = len(call["normalized_shape"])
    first = x.ndim - count
    release(x.axes[first:], x.axes[:first])
    for axis in range(x.ndim):
        call.limit(x, axis, "permutation" if axis < first else "orthogonal" if "rms" in call.op else "centred")
    operands = [(x, range(x.ndim))]
    for argument in ("weight", "bias"):
        value = call.take(argument)
        if value is not None:
            operands.append((value, range(first, x.ndim)))
            if argument == "weight":
                call.gain(value)
    made = call.combine(operands, range(x.ndim), "")
    if len(call.shapes) == 1:
        return made
    return [made, *(Value(x.axes[:first] + call.fixed(s[first:], "statistics").axes) for s in call.shapes[1:])]


def along(call: Call) -> Result:
    """Softmax and its like: every position sees a whole axis, without its order."""
    x = call.need("self" if "self" in call.args else "input")
    axis = call.dim(x)
    release([x.axes[axis]], [t for k, t in enumerate(x.axes) if k != axis])
    return Value(x.axes, x.slots)


RULES: tuple[Rule, ...] = (batch_norm, group_norm, layer_norm, along)
