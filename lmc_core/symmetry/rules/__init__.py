"""The rule of every known operator: what it says about the axes of its arguments and results.

One file per kind of computation; which operator has which rule stands in `lmc_core.operators`.
"""

from collections.abc import Mapping

from lmc_core.operators import OPERATORS
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
    writing,
)

_FILES = (pointwise, linear, conv, norm, reduce, shape, parts, attention, recurrent, create, order, writing)

BY_NAME: Mapping[str, Rule] = {rule.__name__: rule for file in _FILES for rule in file.RULES}
"""Name of a rule → rule."""

RULES: dict[str, Rule] = {name: BY_NAME[known.rule] for name, known in OPERATORS.items() if known.rule}
"""Operator → its rule."""
