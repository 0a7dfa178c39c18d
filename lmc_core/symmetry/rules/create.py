"""Tensors made from nothing: constants of one value restrict nothing, all others have a meaning."""

from lmc_core.symmetry._solver.call import Call, Result, Rule, named
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


RULES: dict[str, Rule] = {
    **named("zeros ones full empty scalar_tensor fill", filled),
    **named("zeros_like ones_like full_like empty_like empty_strided empty_permuted", filled),
    **named("new_zeros new_ones new_full new_empty zero", filled),
    **named("arange linspace logspace eye range hann_window tril_indices triu_indices", constant),
}
