"""Operations in which the order of positions matters, or that no rule sees into: their axes are pinned on purpose."""

from lmc_core.symmetry._solver.call import Call, Result, Rule, named
from lmc_core.symmetry._solver.terms import Term, pinned
from lmc_core.symmetry._solver.values import Value


def ordered(call: Call) -> Result:
    """Running sums, flips, sorts along one axis: that axis is pinned, the others pass."""
    x = call.need("self")
    if "dims" in call.args and call["dims"] is not None:
        axes = call.dims(x, "dims")
    elif call.args.get("dim") is not None:
        axes = call.dims(x)
    else:
        axes = list(range(x.ndim))
    why = f"its order matters (aten.{call.op})"
    call.mix(x, axes, why)
    made = [
        Value(tuple(t if k not in axes else pinned(shape[k], why) for k, t in enumerate(x.axes)))
        for shape in call.shapes
    ]
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
    for index in indices:
        call.mix(index, range(index.ndim), why)
    at = [axis for axis, entry in enumerate(given) if isinstance(entry, Value)]
    call.mix(x, at, why)
    kept: list[Term] = [t for k, t in enumerate(x.axes) if k not in at]
    count = len(call.shape) - len(kept)
    together = at == list(range(at[0], at[-1] + 1))
    first = at[0] if together else 0
    new = [pinned(size, why) for size in call.shape[first : first + count]]
    return Value((*kept[:first], *new, *kept[first:]))


def opaque(call: Call) -> Result:
    """Every axis of every argument is pinned."""
    why = PINNED.get(call.op, f"no rule sees into aten.{call.op}")
    for value in call.tensors():
        call.mix(value, range(value.ndim), why)
    for argument, value in call.args.items():
        if isinstance(value, list | tuple):
            call.take_list(argument)
        else:
            call.take(argument)
    made = [call.fixed(shape, why) for shape in call.shapes]
    return made if len(made) != 1 else made[0]


REASONS = {
    "a gradient inside the network": """
        _adaptive_avg_pool2d_backward avg_pool2d_backward convolution_backward embedding_dense_backward
        max_pool2d_with_indices_backward native_group_norm_backward native_layer_norm_backward
    """,
    "random numbers": """
        rand randn randint randperm bernoulli rand_like randn_like randint_like multinomial normal uniform exponential
        fractional_max_pool2d fractional_max_pool3d
    """,
    "a Fourier transform gives every position a frequency": "_fft_c2r _fft_r2c _fft_c2c",
    "a shape read as a number": "sym_size sym_stride sym_numel sym_storage_offset sym_is_contiguous",
    "a value read as a number": "_local_scalar_dense item",
    "writing by number": """
        index_put _unsafe_index_put scatter scatter_add scatter_reduce masked_scatter index_add index_copy index_fill
    """,
    "its result names positions by number": "nonzero masked_select unique_dim _unique2",
    "memory read without regard to axes": "as_strided view_dtype resize",
    "pairs of rows in an order": "_pdist_forward pdist",
    "values used as numbers of positions": "one_hot bincount bucketize searchsorted take_along_dim",
}

PINNED = {op: why for why, ops in REASONS.items() for op in ops.split()}
"""Operation → why its axes are pinned on purpose."""

RULES: dict[str, Rule] = {
    **dict.fromkeys(PINNED, opaque),
    **named("cumsum cumprod cummax cummin logcumsumexp flip roll rot90 sort topk argsort msort diff", ordered),
    **named("tril triu", triangle),
    **named("index _unsafe_index", indexed),
    **named("index_select gather", looked_up),
}
