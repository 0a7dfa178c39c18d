"""Scaled dot-product attention in one operation, and its kernels."""

from lmc_core.symmetry._solver.call import Call, Label, Result, Rule
from lmc_core.symmetry._solver.terms import product, release
from lmc_core.symmetry._solver.unify import split
from lmc_core.symmetry._solver.values import Value
from lmc_core.symmetry.rules.linear import hint


def attention(call: Call) -> Result:
    """softmax(q kᵀ + mask) v: q and k share features, k and v share time, the mask's axes are heads and both times.

    With fewer key heads than query heads (grouped queries) the query's heads are kv · rep.
    """
    q, k, v = call.need("query"), call.need("key"), call.need("value")
    if call.args.get("is_causal"):
        for value in (q, k, v):
            call.mix(value, [value.ndim - 2], "positions in time, for a causal mask")
    rank = q.ndim
    grouped = rank > 3 and bool(call.args.get("enable_gqa"))
    groups = k.shape[-3] if grouped else 1
    rep = q.shape[-3] // groups if grouped else 1
    mask = call.take("attn_mask") or call.take("attn_bias")
    shared: list[Label] = [("b", n) for n in range(rank - 3)]
    heads: list[Label] = ["kv"] if rank > 2 else []
    if rep > 1:
        q = _divided(q, groups)
        if mask is not None and mask.ndim > 2:
            mask = _divided(mask, groups if mask.shape[-3] > 1 else 1)
        many: list[Label] = ["kv", "rep"]
    else:
        many = heads
    operands: list[tuple[Value, list[Label]]] = [
        (q, [*shared, *many, "t", "e"]),
        (k, [*shared, *heads, "s", "e"]),
        (v, [*shared, *heads, "s", "f"]),
    ]
    for value, labels in operands:
        for axis, label in enumerate(labels):
            hint(value, axis, {"kv": "head", "rep": "query", "e": "qk", "f": "vo"}.get(str(label), ""))
            if label not in ("e", "f"):
                call.limit(value, axis, "permutation")
    release([k.axes[-2]], [*q.axes[:-1], *k.axes[:-2]])
    for value in (call.need("query"), call.need("key")):
        call.reads(value, value.ndim - 1)
    if mask is not None:
        full = [*shared, *many, "t", "s"]
        operands.append((mask, full[len(full) - mask.ndim :]))
    made = call.combine(operands, [*shared, *many, "t", "f"], "")
    axes = made.axes
    if len(many) == 2:
        at = len(shared)
        axes = (*axes[:at], product(axes[at : at + 2]), *axes[at + 2 :])
    result = Value(axes)
    if len(call.shapes) == 1:
        return result
    return [result, *(call.fixed(shape, "what an attention kernel keeps for gradients") for shape in call.shapes[1:])]


def _divided(value: Value, groups: int) -> Value:
    at = value.ndim - 3
    outer, inner = split(value.axes[at], groups)
    return Value(
        (*value.axes[:at], outer, inner, *value.axes[at + 1 :]),
        (*value.slots[:at], value.slots[at], value.slots[at], *value.slots[at + 1 :]),
        data=value.data,
    )


RULES: tuple[Rule, ...] = (attention,)
