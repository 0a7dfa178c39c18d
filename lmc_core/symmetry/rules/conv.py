"""Convolutions, pooling, and resampling: channels pass, positions in space have a meaning."""

from lmc_core.symmetry._solver.call import Call, Result, Rule, Unsupported, plain
from lmc_core.symmetry._solver.terms import Term, pin, pinned, product, release
from lmc_core.symmetry._solver.unify import split
from lmc_core.symmetry._solver.values import Value
from lmc_core.symmetry.rules.linear import hint

KERNEL = "the positions of a convolution kernel"
SPACE = "positions in space or time"


def convolution(call: Call) -> Result:
    """Input channels = weight axis 1, output channels = weight axis 0 (transposed: 0 and 1), in `groups` blocks."""
    x = call.need("input" if "input" in call.args else "self")
    weight, bias = call.need("weight"), call.take("bias")
    transposed = bool(call.args.get("transposed", "transpose" in call.op))
    groups = int(call.args.get("groups", 1))
    n = weight.ndim - 2
    if x.ndim not in (n + 1, n + 2):
        raise Unsupported("an input of another rank than the kernel")
    channel = x.ndim - n - 1
    space = list(range(channel + 1, x.ndim))
    options = {key: call.args.get(key, default) for key, default in _DEFAULTS.items()}
    call.mix(weight, range(2, weight.ndim), KERNEL)
    outer, inner = split(x.axes[channel], groups)
    blocks, own = split(weight.axes[0], groups)
    if min(groups, inner.size) > 1:
        for term, word in ((outer, "group"), (inner, "channel")):
            hint(Value((term,)), 0, word)
    batch = ["b"] * channel
    grouped = Value((*x.axes[:channel], outer, inner), data=x.data)
    kernel = Value((blocks, own, weight.axes[1]), data=weight.data)
    labels = ["g", "i", "o"] if transposed else ["g", "o", "i"]
    result = call.combine([(kernel, labels), (grouped, [*batch, "g", "i"])], [*batch, "g", "o"])
    read, write = (0, 1) if transposed else (1, 0)
    call.reads(x, channel)
    call.reads(weight, read)
    call.writes(weight, write)
    places = _space(call, x, weight, space, options, result)
    channels = product(result.axes[channel:])
    made = Value((*result.axes[:channel], channels, *places), data=x.data or weight.data)
    kind = "conv-transpose" if transposed else "conv"
    call.use(kind, weight, read, write, x, bias, groups=groups, **options)
    if bias is None:
        return made
    return call.combine([(made, range(made.ndim)), (bias, [channel])], range(made.ndim), "sum")


_DEFAULTS = {"stride": [1], "padding": [0], "dilation": [1], "output_padding": [0]}


def _space(
    call: Call, x: Value, weight: Value, space: list[int], options: dict[str, object], result: Value
) -> tuple[Term, ...]:
    """Spatial axes of the result: kernels of one position with stride 1 leave theirs alone, others mix."""
    n = len(space)
    made: list[Term] = []
    mixed: list[Term] = []
    for number, axis in enumerate(space):
        point = (
            weight.shape[2 + number] == 1
            and _at(options["stride"], number) == 1
            and _at(options["padding"], number) == 0
            and call.shape[-n + number] == x.shape[axis]
        )
        if point:
            made.append(x.axes[axis])
        else:
            pin(x.axes[axis], SPACE)
            mixed.append(x.axes[axis])
            made.append(pinned(call.shape[-n + number], SPACE))
    release(mixed, [*result.axes, *made])
    return tuple(made)


def _at(option: object, number: int) -> object:
    if isinstance(option, list | tuple):
        return option[number] if len(option) > number else option[-1]
    return 0 if option == "valid" else option


def pool(call: Call) -> Result:
    """Windows over the last axes: axes the window does not touch pass, the others are positions."""
    x = call.need("self" if "self" in call.args else "input")
    n = int(next(c for c in call.op if c in "123"))
    return _resized(call, x, n)


def _resized(call: Call, x: Value, n: int) -> Result:
    space = range(x.ndim - n, x.ndim)
    untouched = {axis for axis in space if _untouched(call, x, axis, n)}
    gone = [axis for axis in space if axis not in untouched]
    whole = [axis for axis in gone if call.shape[axis] == 1 and "adaptive" in call.op]
    release([x.axes[a] for a in whole], [t for a, t in enumerate(x.axes) if a not in whole])
    call.mix(x, [axis for axis in gone if axis not in whole], SPACE)
    axes = [x.axes[a] if a not in gone else pinned(call.shape[a], SPACE) for a in range(x.ndim)]
    made = [Value(tuple(axes))]
    for shape in call.shapes[1:]:  # indices of maxima name positions
        call.mix(x, whole, SPACE)
        made.append(Value(tuple(a if a.size == s else pinned(s, SPACE) for a, s in zip(axes, shape, strict=True))))
    return made if len(made) > 1 else made[0]


def _untouched(call: Call, x: Value, axis: int, n: int) -> bool:
    """Whether a pooling window has one position along an axis and moves by one."""
    if "kernel_size" not in call.args or call.shape[axis] != x.shape[axis]:
        return False
    number = axis - (x.ndim - n)
    stride = call.args.get("stride") or call["kernel_size"]
    padding = call.args.get("padding") or [0]
    return _at(call["kernel_size"], number) == 1 and _at(stride, number) == 1 and _at(padding, number) == 0


def resample(call: Call) -> Result:
    """Interpolation over all axes behind the channels."""
    x = call.need("self" if "self" in call.args else "input")
    return _resized(call, x, x.ndim - 2)


def pad_space(call: Call) -> Result:
    """Padding that copies values of other positions: the padded axes are positions."""
    x = call.need("self" if "self" in call.args else "input")
    return _resized(call, x, len(plain(call["padding"])) // 2)


def pixel_shuffle(call: Call) -> Result:
    """(c·r², h, w) → (c, h·r, w·r): c passes."""
    x = call.need("self")
    channel = x.ndim - 3
    outer, inner = split(x.axes[channel], call.shape[channel])
    made = Value((*x.axes[:channel], outer, inner, *x.axes[channel + 1 :]))
    call.mix(made, range(channel + 1, made.ndim), SPACE)
    return Value((*made.axes[: channel + 1], *call.fixed(call.shape[channel + 1 :], SPACE).axes))


def pixel_unshuffle(call: Call) -> Result:
    """(c, h·r, w·r) → (c·r², h, w): each channel becomes a block of r²."""
    x = call.need("self")
    channel = x.ndim - 3
    call.mix(x, range(channel + 1, x.ndim), SPACE)
    factor = call.shape[channel] // x.shape[channel]
    channels = product((x.axes[channel], pinned(factor, SPACE)))
    return Value((*x.axes[:channel], channels, *call.fixed(call.shape[channel + 1 :], SPACE).axes))


def channel_shuffle(call: Call) -> Result:
    """Axis 1 viewed as g · c becomes c · g."""
    x = call.need("self")
    outer, inner = split(x.axes[1], int(call["groups"]))
    return Value((x.axes[0], product((inner, outer)), *x.axes[2:]))


def patches(call: Call) -> Result:
    """im2col: (b, c, h, w) → (b, c·k, positions)."""
    x = call.need("self")
    channel = x.ndim - 3
    call.mix(x, range(channel + 1, x.ndim), SPACE)
    factor = call.shape[channel] // x.shape[channel]
    return Value(
        (
            *x.axes[:channel],
            product((x.axes[channel], pinned(factor, KERNEL))),
            *call.fixed(call.shape[channel + 1 :], SPACE).axes,
        )
    )


def unpatches(call: Call) -> Result:
    """col2im: (b, c·k, positions) → (b, c, h, w)."""
    x = call.need("self")
    channel = x.ndim - 2
    outer, inner = split(x.axes[channel], call.shape[-3])
    made = Value((*x.axes[:channel], outer, inner, x.axes[-1]))
    call.mix(made, [channel + 1, channel + 2], SPACE)
    return Value((*made.axes[: channel + 1], *call.fixed(call.shape[-2:], SPACE).axes))


def grid_sample(call: Call) -> Result:
    """Values looked up at given points: channels pass."""
    x, grid = call.need("input"), call.need("grid")
    call.mix(x, range(2, x.ndim), SPACE)
    call.mix(grid, range(grid.ndim), SPACE)
    return Value((*x.axes[:2], *call.fixed(call.shape[2:], SPACE).axes))


def windows(call: Call) -> Result:
    """unfold: an axis becomes (window, position in the window, last)."""
    x = call.need("self")
    axis = call.dim(x, "dimension")
    call.mix(x, [axis], SPACE)
    kept = [t if k != axis else pinned(call.shape[axis], SPACE) for k, t in enumerate(x.axes)]
    return Value((*kept, pinned(call.shape[-1], SPACE)))


RULES: tuple[Rule, ...] = (
    convolution,
    pool,
    resample,
    pad_space,
    pixel_shuffle,
    pixel_unshuffle,
    channel_shuffle,
    patches,
    unpatches,
    grid_sample,
    windows,
)
