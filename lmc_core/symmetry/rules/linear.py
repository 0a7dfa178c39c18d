"""Contractions: linear maps, matrix products, einsum, embeddings."""

from collections.abc import Sequence

from lmc_core.symmetry._solver.call import Call, Label, Result, Rule, Unsupported
from lmc_core.symmetry._solver.terms import leaves, pin, release
from lmc_core.symmetry._solver.values import Value

VOCABULARY = "the vocabulary: each row has a meaning"


def linear(call: Call) -> Result:
    """x Wᵀ + b: the last axis of x is axis 1 of W; axis 0 of W is the result's."""
    x, weight, bias = call.need("input"), call.need("weight"), call.take("bias")
    if weight.ndim != 2:
        raise Unsupported("a weight that is no matrix")
    batch: list[Label] = [("b", k) for k in range(x.ndim - 1)]
    result = call.combine([(weight, ["o", "i"]), (x, [*batch, "i"])], [*batch, "o"])
    call.use("linear", weight, 1, 0, x, bias)
    return _plus(call, result, bias)


def matmul(call: Call) -> Result:
    """Matrix product with broadcast leading axes; vectors count as one row or column."""
    first, second = call.tensors()[:2]
    for argument in call.args:
        call.take(argument)
    return _product(call, first, second)


def addmm(call: Call) -> Result:
    """input + a b."""
    bias = call.need("self")
    first, second = (
        call.need(next(name for name in names if name in call.args))
        for names in (("mat1", "batch1", "mat"), ("mat2", "batch2", "vec"))
    )
    return _plus(call, _product(call, first, second, bias), bias)


def _product(call: Call, first: Value, second: Value, bias: Value | None = None) -> Value:
    rank = max(first.ndim, second.ndim, 2)
    left: list[Label] = [("b", rank - first.ndim + k) for k in range(first.ndim - 2)]
    left += ["i", "k"] if first.ndim > 1 else ["k"]
    right: list[Label] = [("b", rank - second.ndim + k) for k in range(second.ndim - 2)]
    right += ["k", "j"] if second.ndim > 1 else ["k"]
    batch = [("b", k) for k in range(rank - 2) if ("b", k) in left or ("b", k) in right]
    out = [*batch, *(["i"] if first.ndim > 1 else []), *(["j"] if second.ndim > 1 else [])]
    operands = [(first, left), (second, right)]
    _name_attention(operands, out)
    result = call.combine(operands, out)
    if second.ndim == 2 and first.ndim > 1:
        _use(call, second, 0, 1, first, bias)
    elif first.ndim == 2 and second.ndim == 2:
        _use(call, first, 1, 0, second, bias)
    return result


def _use(call: Call, weight: Value, read: int, write: int, x: Value, bias: Value | None) -> None:
    kind = "linear" if weight.own(read) == 1 else "matmul"
    call.use(kind, weight, read, write, x, bias)


def _plus(call: Call, result: Value, bias: Value | None) -> Value:
    if bias is None:
        return result
    data = any(v.data for v in call.tensors())
    return call.pointwise([Value(result.axes, result.slots, data=data), bias], result.shape, "sum")


def _name_attention(operands: Sequence[tuple[Value, Sequence[Label]]], out: Sequence[Label]) -> None:
    """Hints for a product of two activations: q·k contracts "qk" per "head", what the second one hands on is "vo"."""
    if len(operands) != 2 or not all(value.data for value, _ in operands):
        return
    (_, left), (_, right) = operands
    for value, labels in operands:
        for axis, label in enumerate(labels):
            both = label in left and label in right
            hint(value, axis, "head" if both and label in out else "qk" if both else "vo" if labels is right else "")


def hint(value: Value, axis: int, word: str) -> None:
    """Suggest a name for the free units on an axis."""
    for var in leaves(value.axes[axis]):
        if word and var.why is None:
            var.hint = var.hint or word


def einsum(call: Call) -> Result:
    """Named axes, as written; an ellipsis stands for leading axes aligned from the right."""
    values = call.take_list("tensors")
    inputs, arrow, output = str(call["equation"]).replace(" ", "").partition("->")
    patterns = inputs.split(",")
    width = max(v.ndim - len(p.replace("...", "")) for v, p in zip(values, patterns, strict=True))
    if not arrow:
        letters = sorted(c for c in set(inputs) if c.isalpha() and inputs.count(c) == 1)
        output = ("..." if "..." in inputs else "") + "".join(letters)

    def labels(pattern: str, rank: int) -> list[Label]:
        head, dots, tail = pattern.partition("...")
        count = rank - len(head) - len(tail) if dots else 0
        return [*head, *(("b", width - count + k) for k in range(count)), *tail]

    operands: list[tuple[Value, Sequence[Label]]] = [
        (v, labels(p, v.ndim)) for v, p in zip(values, patterns, strict=True)
    ]
    out = labels(output, len(call.shape))
    _name_attention(operands, out)
    result = call.combine(operands, out)
    for weight, value in (values, values[::-1]) if len(values) == 2 else ():
        names = dict(operands)[weight]
        if weight.ndim == 2 and names[0] not in out and names[1] in out:
            _use(call, weight, 0, 1, value, None)
        elif weight.ndim == 2 and names[1] not in out and names[0] in out:
            _use(call, weight, 1, 0, value, None)
    return result


def bilinear(call: Call) -> Result:
    """x₁ᵀ W_o x₂ + b."""
    first, second, weight = call.need("input1"), call.need("input2"), call.need("weight")
    batch: list[Label] = [("b", k) for k in range(first.ndim - 1)]
    operands: list[tuple[Value, Sequence[Label]]] = [
        (weight, ["o", "i", "j"]),
        (first, [*batch, "i"]),
        (second, [*batch, "j"]),
    ]
    return _plus(call, call.combine(operands, [*batch, "o"]), call.take("bias"))


def cdist(call: Call) -> Result:
    """Distances between rows: the last axis is contracted."""
    first, second = call.need("x1"), call.need("x2")
    rank = len(call.shape)
    left = [("b", rank - first.ndim + k) for k in range(first.ndim - 2)]
    right = [("b", rank - second.ndim + k) for k in range(second.ndim - 2)]
    out = [("b", k) for k in range(rank - 2)]
    return call.combine([(first, [*left, "p", "m"]), (second, [*right, "r", "m"])], [*out, "p", "r"])


def cosine_similarity(call: Call) -> Result:
    """Two values contracted along one axis."""
    first, second = call.need("x1"), call.need("x2")
    rank = max(first.ndim, second.ndim)
    gone = int(call["dim"]) % rank
    operands = [(v, range(rank - v.ndim, rank)) for v in (first, second)]
    return call.combine(operands, [k for k in range(rank) if k != gone])


def embedding(call: Call) -> Result:
    """Rows of a table: the vocabulary has a meaning unless its words were chosen here; the features are the table's."""
    weight, indices = call.need("weight"), call.need("indices")
    if indices.points is not None and indices.points.size == weight.shape[0]:
        call.follow(indices, weight.axes[0])
        call.limit(weight, 0, "permutation")
    else:
        pin(weight.axes[0], VOCABULARY)
    release([weight.axes[0]], [weight.axes[1]])
    call.writes(weight, 1)
    call.reads(weight, 0)
    call.use("embedding", weight, 0, 1, indices)
    return Value((*indices.axes, weight.axes[1]), (*indices.slots, weight.slots[1]))


def embedding_bag(call: Call) -> Result:
    """Sums of rows of a table; the bags have a meaning."""
    weight = call.need("weight")
    for argument in ("indices", "offsets", "per_sample_weights"):
        value = call.take(argument)
        if value is not None:
            call.mix(value, range(value.ndim), "positions in a bag")
    call.mix(weight, [0], VOCABULARY)
    call.writes(weight, 1)
    bags = call.fixed([call.shape[0]], "the number of a bag")
    others = [call.fixed(shape, "positions in a bag") for shape in call.shapes[1:]]
    return [Value((bags.axes[0], weight.axes[1])), *others]


RULES: tuple[Rule, ...] = (linear, matmul, addmm, einsum, bilinear, cdist, cosine_similarity, embedding, embedding_bag)
