"""Couplings of units that meet themselves in a weight, as recurrent ones do: fused Gromov–Wasserstein problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.blocks import Block
from lmc_core.alignment.coupling import Coupling, Couplings
from lmc_core.alignment.distance import Slot, by_weights, distance, entering, unsolved
from lmc_core.alignment.passes import Couple, transported
from lmc_core.alignment.problem import Model, Problem, State
from lmc_core.alignment.solve import Solver
from lmc_core.symmetry.axis import names_in

Array = NDArray[np.float64]
SETTLED = 1e-9  # share of the mass that moved, or of the objective that was gained


@dataclass(frozen=True, eq=False)
class Quadratic:
    """E(π) = <C, π> + α <R(π), π>, R(π)_jk = Σ_j'k' (H_jj' − H^i_kk')² π_j'k' (Akash 2022).

    linear     (m, n) C, from the weights that enter
    row        π ↦ R(π), (m, n): differences along the rows of H
    column     π ↦ Σ_j'k' (H_j'j − H^i_k'k)² π_j'k', along its columns: R again only for symmetric H
    """

    linear: Array
    row: Callable[[Array], Array]
    column: Callable[[Array], Array]
    alpha: float

    def value(self, plan: Array) -> float:
        """<plan, linear + α · row(plan)>."""
        return float((plan * (self.linear + self.alpha * self.row(plan))).sum())

    def gradient(self, plan: Array) -> Array:
        """∂E/∂π, both axes of H."""
        return self.linear + self.alpha * (self.row(plan) + self.column(plan))


def by_recurrence(
    solver: Callable[[int], Solver],
    *,
    gradient: str,
    alpha: float,
    inner: int,
    damping: float,
    warm: str,
    moving: set[str],
) -> Couple:
    """By the weights that enter and by those between the units; groups without such weights as in plain barycentres.

    solver     iteration ↦ solver, for annealing
    gradient   "row": linearised by the row term alone, as in the authors' code; "exact": conditional gradient on E
    warm       "uniform" or "inputs": where a descent starts; "best": both are tried, as E has many valleys
    moving     is kept to the groups whose last coupling had not settled after `inner` steps
    """

    def couple(
        problem: Problem, block: Block, model: Model, target: State, known: Couplings, step: int
    ) -> tuple[Couplings, float]:
        _, itself = entering(problem, block, set(known))
        if not itself or block.inner:
            return transported(by_weights(), solver(step))(problem, block, model, target, known, step)
        objective = quadratic(problem, block, model, target, known, alpha)
        m, n = objective.linear.shape
        even = [np.full((m, n), 1 / (m * n))] if warm != "inputs" else []
        starts = [*even, *([solver(step)(objective.linear)] if warm != "uniform" else [])]
        descend = row_steps if gradient == "row" else conditional_gradient
        found = [descend(objective, start, solver(step), limit=inner, damping=damping) for start in starts]
        plan, settled = min(found, key=lambda reached: objective.value(reached[0]))
        (moving.discard if settled else moving.add)(block.name)
        return {block.name: Coupling.of_plan(block.name, plan)}, objective.value(plan)

    return couple


def quadratic(problem: Problem, block: Block, model: Model, target: State, known: Couplings, alpha: float) -> Quadratic:
    """The problem of one group and model. α weighs mean squared differences: of H against those of W.

    Where W reads the data itself its differences are summed over the inputs, not averaged, as in the authors' code.
    """
    outside, itself = entering(problem, block, set(known))
    others = {**unsolved(problem, model, known), **known}
    back = [
        (name, number)
        for name in dict.fromkeys(name for name, _ in itself)
        for number in problem.symmetry.places(name, block.name)
        if (name, number) not in itself
    ]
    reads = names_in(*(axis for name, _ in outside for axis in problem.symmetry.axes[name])) - {block.name}
    inputs = max((_fan_in(problem, slot) for slot in outside), default=1.0) if reads else 1.0
    between = max(_fan_in(problem, slot) for slot in itself)

    def term(slots: list[Slot]) -> Callable[[Array], Array]:
        def run(plan: Array) -> Array:
            couplings = {**others, block.name: Coupling.of_plan(block.name, plan)}
            return distance(problem, block, model, target, couplings, slots).outer

        return run

    linear = distance(problem, block, model, target, others, outside).outer
    return Quadratic(linear, term(itself), term(back), alpha * inputs / between)


def _fan_in(problem: Problem, slot: Slot) -> float:
    """How many numbers a unit has in one tensor (in one of its gates)."""
    sizes = [axis.size for axis in problem.symmetry.axes[slot[0]]]
    return float(np.prod(sizes) / sizes[slot[1]])


def row_steps(objective: Quadratic, start: Array, solver: Solver, *, limit: int, damping: float) -> tuple[Array, bool]:
    """π ← (1 − θ) π + θ OT(C + α R(π)) until π stays (Akash 2022); the best plan on the way, and whether π stayed."""
    plan, best, least = start, start, np.inf
    for _ in range(limit):
        new = (1 - damping) * plan + damping * solver(objective.linear + objective.alpha * objective.row(plan))
        value = objective.value(new)
        if value < least:
            best, least = new, value
        if np.abs(new - plan).sum() < SETTLED:
            return best, True
        plan = new
    return best, False


def conditional_gradient(
    objective: Quadratic, start: Array, solver: Solver, *, limit: int, damping: float
) -> tuple[Array, bool]:
    """Fused Gromov–Wasserstein by conditional gradient (Vayer 2020, alg. 1): E along a segment is a parabola, known
    from three values, so that every step is the best one; `damping` is its largest length. The plan, and whether no
    step could better it."""
    plan, value = start, objective.value(start)
    for _ in range(limit):
        direction = solver(objective.gradient(plan)) - plan
        half, full = (objective.value(plan + t * direction) for t in (0.5, 1.0))
        square, slope = 2 * (full + value - 2 * half), 4 * half - 3 * value - full
        gamma = float(np.clip(-slope / (2 * square), 0, damping)) if square > 0 else damping
        new = plan + gamma * direction
        reached = objective.value(new)
        if value - reached <= SETTLED * abs(value):
            return plan, True
        plan, value = new, reached
    return plan, False
