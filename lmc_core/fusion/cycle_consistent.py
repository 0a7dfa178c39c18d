"""C²M³: all models matched at once in a common frame, so that going round a cycle of them comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc_core.alignment.method import CRISOSTOMI
from lmc_core.fusion._fusion import Fusion
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.alignment.problem import Problem
    from lmc_core.alignment.result import Result


def solve(problem: Problem, *, start: str, iterations: int, polish: int) -> Result:
    """max over P of Σ_{a<b} Σ_W <P_a W_a, P_b W_b> by Frank–Wolfe on all models and groups (Crisostomi 2024, alg. 1).

    P_a maps model a to the frame, so P_ab = P_aᵀ P_b and P_ac P_cb P_ba = I. One step size for all, exact: the
    objective along the segment is a polynomial. Rounded by assignment, then `polish` rounds of single moves.
    """
    from lmc_core.alignment.coupling import hard
    from lmc_core.alignment.relaxed import frank_wolfe
    from lmc_core.alignment.result import Result
    from lmc_core.fusion.rounds import in_first, rounds, star
    from lmc_core.fusion.universe import Universe

    universe = Universe(problem)
    begins = [universe.uniform(problem.rng(5))] if start in ("best", "uniform") else []
    if start in ("best", "matched"):
        begins.append(universe.vertex(universe.joined(star(problem, problem.rng(3)))))

    def tick(step: int) -> None:
        problem.report("matching all models", step, iterations)

    found = []
    for begin in begins:
        walk = frank_wolfe(universe, begin, limit=iterations, tolerance=1e-6, tick=tick)
        perms = universe.parted(universe.best(walk.plans))
        polished = rounds(problem, perms, problem.rng(6), limit=polish) if polish else None
        perms = list(polished.orders) if polished else perms
        late = [] if walk.converged else [f"Frank–Wolfe did not converge in {iterations} iterations"]
        if polished and not polished.converged:
            late.append(f"units still moved after {polish} rounds of single moves")
        found.append((universe.value_at(universe.joined(perms)), (*walk.history,), perms, late))
    value, history, perms, late = max(found, key=lambda each: each[0])
    return in_first(problem, Result(tuple(map(hard, perms)), (*history, value))).noting(late)


FUSION = Fusion(
    name="c2m3",
    title="C²M³",
    summary="Cycle-consistent: all models matched at once in a common frame by Frank–Wolfe.",
    paper=CRISOSTOMI,
    solve=solve,
    parameters=(
        Option(
            "start",
            str,
            "best",
            "Nearly even plans, all models matched to the first, or the better of both.",
            choices=("best", "uniform", "matched"),
        ),
        Option("iterations", int, 200, "Most Frank–Wolfe steps.", low=1, high=10_000),
        Option("polish", int, 10, "Most rounds of single moves after rounding; 0 = none.", low=0, high=1000),
    ),
    equal_widths=True,
)
