"""Operations at which branches are told apart by their number, while it is asked which axes number them."""

from __future__ import annotations

from dataclasses import dataclass

from lmc_core.symmetry._solver.call import Call, Result, Unsupported
from lmc_core.symmetry._solver.terms import Term, Var, concatenation, pinned, product
from lmc_core.symmetry._solver.unify import unify
from lmc_core.symmetry._solver.values import Value
from lmc_core.symmetry.rules.parts import join
from lmc_core.symmetry.rules.shape import the_input


@dataclass(frozen=True, eq=False)
class Numbered:
    """Where branches are told apart.

    branches   the axis that numbers them
    first      place of the first branch in the list of an operation that puts values side by side
    """

    branches: Var
    first: int = 0


def told_apart(call: Call, at: Numbered) -> Result:
    """One part of an axis per branch is taken, put beside the others, or compared with: the axis numbers the branches.

    What a part holds is each branch's own, and not asked for here. Raises Unsupported where there are other parts.
    """
    if call.op in ("stack", "cat", "concat", "concatenate"):
        return _beside(call, at)
    if call.op in ("eq", "ne"):
        pointer = call.need("self")
        if pointer.points is None:
            return call.pointwise([pointer])
        unify(pointer.points, at.branches)
        call.follow(pointer, pointer.points)
        return Value(pointer.axes)
    x = the_input(call)
    axis = int(call.args.get("dim", 0)) % x.ndim
    size = x.axes[axis].size
    if size % at.branches.size or (call.op == "select" and size != at.branches.size):
        raise Unsupported
    unify(x.axes[axis], _view(size, at.branches))
    if call.op in ("select", "unbind"):
        kept = tuple(t for k, t in enumerate(x.axes) if k != axis)
        made = [Value(kept) for _ in call.shapes]
    else:
        made = [Value(tuple(t if k != axis else Var(s[axis]) for k, t in enumerate(x.axes))) for s in call.shapes]
    return made if len(made) > 1 or call.op in ("split", "unbind") else made[0]


def _beside(call: Call, at: Numbered) -> Result:
    values = call.take_list("tensors")
    count, first = at.branches.size, at.first
    if call.op == "stack":
        axis = int(call.args.get("dim", 0)) % (values[0].ndim + 1)
        single = pinned(1, "a single position")
        values = [Value((*v.axes[:axis], single, *v.axes[axis:]), (), v.name, v.data) for v in values]
    else:
        axis = int(call.args.get("dim", 0)) % values[0].ndim
    sizes = {v.shape[axis] for v in values[first : first + count]}
    together = (
        _view(sum(v.shape[axis] for v in values[first : first + count]), at.branches) if len(sizes) == 1 else None
    )
    around = [v.axes[axis] for v in values]
    if together is not None:
        around[first : first + count] = [together]
    return join(call, values, axis, concatenation(around))


def _view(size: int, branches: Var) -> Term:
    """An axis of one run of positions per branch."""
    return product((branches, Var(size // branches.size))) if size != branches.size else branches
