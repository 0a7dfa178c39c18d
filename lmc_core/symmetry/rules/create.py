"""Tensors made from nothing: constants of one value restrict nothing, all others have a meaning."""

from lmc_core.symmetry._solver.call import Call, Result, Rule
from lmc_core.symmetry._solver.terms import uniform
from lmc_core.symmetry._solver.values import Value

CONSTANT = "constants that differ from position to position"


def filled(call: Call) -> Result:
    """One value everywhere; a tensor that only lends its shape does not matter."""
    for argument in call.args:
        call.take(argument)
    return Value(tuple(uniform(size) for size in call.shape))


def constant(call: Call) -> Result:
    """Positions, identity matrices: each element has its own value."""
    return call.fixed(call.shape, CONSTANT)


RULES: tuple[Rule, ...] = (filled, constant)
