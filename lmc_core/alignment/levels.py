"""Pairs whose units differ in scale or sign beside their order: balanced before orders are sought, and given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lmc_core.alignment.coupling import Elements, of_elements
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result
from lmc_core.networks.network import Network
from lmc_core.operators import Kind
from lmc_core.symmetry.canonical.scales import scales
from lmc_core.symmetry.classes import Element
from lmc_core.symmetry.evidence import with_kinds
from lmc_core.symmetry.move import composed, inverted, move
from lmc_core.symmetry.permute import identity
from lmc_core.symmetry.symmetry import Symmetry

LARGE = 1.0
"""Standard deviation of the logarithms of the scales in a group from which networks are balanced by themselves: units
differ by a factor of e from their mean. In the shipped networks it is 0.33 at most."""


@dataclass(frozen=True, eq=False)
class Levelled:
    """A pair as orders are sought in it.

    problem    with both networks balanced, where they are
    symmetry   its classes as far as steps may use them
    classes    whether any step may do more than re-order
    factors    what balances A, and B; empty where nothing is balanced
    """

    problem: Problem
    symmetry: Symmetry
    classes: bool
    factors: tuple[Elements, ...] = field(default=())

    @classmethod
    def of(cls, problem: Problem, *, balanced: str, signed: bool) -> Levelled:
        """Scaled groups balanced if that is "on", or "auto" and their scales differ much; signed groups with signs."""
        symmetry = problem.symmetry
        kept: tuple[Kind, ...] = ("signed",) if signed else ()
        low: dict[str, Kind] = {n: g.kind if g.kind in kept else "permutation" for n, g in symmetry.groups.items()}
        classes = any(kind != "permutation" for kind in low.values())
        steps = with_kinds(symmetry, low) if classes else symmetry
        groups = [name for name, group in symmetry.groups.items() if group.kind == "scaled"]
        if balanced == "off" or not groups:
            return cls(problem, steps, classes)
        nets = problem.reference, problem.moved
        found = [{n: x.numpy() for n, x in scales(net.state, symmetry, groups).items()} for net in nets]
        if balanced == "auto" and not any(np.log(x).std() > LARGE for each in found for x in each.values()):
            return cls(problem, steps, classes)
        factors = tuple({**identity(symmetry), **{n: _diagonal(x) for n, x in each.items()}} for each in found)
        a, b = (_moved(net, symmetry, by) for net, by in zip(nets, factors, strict=True))
        pair = Problem.pair(a, b, symmetry, problem.data, problem.seed, problem.report)
        return cls(pair, steps, classes, factors)

    def back(self, found: Result) -> Result:
        """Couplings of the balanced pair as those of the pair itself: D_A⁻¹ P D_B, so that B takes on A's scales."""
        if not self.factors:
            return found
        ours, theirs = self.factors
        symmetry = self.problem.symmetry
        orders: Mapping[str, Element] = found.elements
        whole = composed(composed(theirs, orders, symmetry), inverted(ours, symmetry), symmetry)
        note = "units differ much in scale: both networks were balanced before they were matched, and B has A's scales"
        return replace(found, couplings=(of_elements(whole),), notes=(*found.notes, note))


def _diagonal(factors: np.ndarray) -> np.ndarray:
    """(n, n), or (N, n, n) of (N, n)."""
    return np.asarray(factors[..., None] * np.eye(factors.shape[-1]))


def _moved(network: Network, symmetry: Symmetry, factors: Elements) -> Network:
    state = move(network.state, symmetry, factors)
    return network.with_state({name: state[name].to(x) for name, x in network.state.items()})
