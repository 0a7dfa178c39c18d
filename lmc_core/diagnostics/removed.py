"""How much of the distance between two networks each class of symmetry removes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lmc_core.report import Report, silent

if TYPE_CHECKING:
    from torch import Tensor

    from lmc_core.networks.network import Network

ORDERS, ALL = "orders", "all classes"
"""Permutations alone, and the elements of the class of every group."""


def removed(a: Network, b: Network, *, seed: int = 0, report: Report = silent) -> dict[str, float]:
    """Class → E_G = 1 − ‖A − g B‖² / ‖A − B‖² over all numbers, A and B in canonical form (classes.md §11.5).

    g is the best element that matching by weights finds in the class, so E_G is the least that the class removes; of
    all classes it is at least that of orders, which they hold. Classes beyond orders are there where canonical forms
    leave any open. Nothing where A and B are the same numbers.

    Raises TraceError if a network cannot be traced, MismatchError if the two differ.
    """
    from lmc_core.alignment.template import canonical_pair
    from lmc_core.methods.align import align
    from lmc_core.symmetry.classes import self_dual

    a, b, symmetry = canonical_pair(a, b)
    before = _apart(a.state, b.state)
    if not before:
        return {}
    orders = align(a, b, "weight-matching", balanced="off", signed=False, seed=seed, report=report)
    found = {ORDERS: max(0.0, 1 - _apart(a.state, orders.transport(b).state) / before)}
    if any(self_dual(group.kind) != "permutation" for group in symmetry.groups.values()):
        whole = align(a, b, "full-symmetry-matching", compare="weights", seed=seed, report=report)
        after = _apart(whole.reference(a).state, whole.transport(b).state)
        found[ALL] = max(found[ORDERS], 1 - after / before)
    return found


def _apart(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """‖A − B‖² over all numbers that are learned."""
    return sum(float((x.double() - b[name].double()).square().sum()) for name, x in a.items() if x.is_floating_point())
