"""The rule of every known operation: what it says about the axes of its arguments and results.

One file per family; `RULES` is the registry, by operation name without namespace `aten` and trailing underscore.
"""

from lmc_core.symmetry._solver.call import Rule
from lmc_core.symmetry.rules import (
    attention,
    conv,
    create,
    linear,
    norm,
    order,
    parts,
    pointwise,
    recurrent,
    reduce,
    shape,
)

RULES: dict[str, Rule] = {
    **pointwise.RULES,
    **linear.RULES,
    **conv.RULES,
    **norm.RULES,
    **reduce.RULES,
    **shape.RULES,
    **parts.RULES,
    **attention.RULES,
    **recurrent.RULES,
    **create.RULES,
    **order.RULES,
}

PINNED = order.PINNED
"""Operations whose axes are pinned on purpose, with the reason."""

REARRANGE = frozenset({*shape.RULES, *parts.REARRANGE})
"""Operations that move numbers without reading them: what only they touch is unused."""
