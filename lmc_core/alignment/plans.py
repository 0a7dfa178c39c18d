"""Transport plans between two groups of units: exact, or entropic in the log domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import ot
from numpy.typing import NDArray

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.solve import assignment
from lmc_core.errors import SettingError

MISSED = 1e-3  # share of the mass whose move onto the marginals is worth a word
INNER = 20  # Sinkhorn iterations between two absorptions

Cost = NDArray[np.float64]
Plan = NDArray[np.float64]


def _silent(error: float) -> None:
    """Nobody asks."""


@dataclass(frozen=True)
class Solver:
    """How a cost becomes a plan with uniform marginals.

    kind         "emd": exact, a permutation between groups of one size; "sinkhorn": entropic
    epsilon      entropic regularisation, relative to the largest cost
    iterations   most Sinkhorn iterations at the final epsilon
    tell         is told the marginal error of every plan that Sinkhorn left further than MISSED from its marginals
    """

    kind: str = "emd"
    epsilon: float = 0.005
    iterations: int = 200
    tell: Callable[[float], None] = _silent

    def __call__(self, cost: Cost) -> Plan:
        """(m, n) plan of total mass 1, rows 1/m and columns 1/n, for a cost (m, n) that is to be small."""
        if cost.shape == (1, 1):
            return np.ones((1, 1))
        if self.kind == "emd":
            return emd(cost)
        plan, error = sinkhorn(cost, epsilon=self.epsilon, iterations=self.iterations)
        if error > MISSED:
            self.tell(error)
        return plan

    def nested(self, outer: Cost, inner: Mapping[str, Cost]) -> tuple[Plan, dict[str, Plan]]:
        """Plans within plans: min over P, Q of <P, outer> + Σ_c Σ_IJ P_IJ <Q^c_IJ, inner_c[I, :, J, :]>.

        inner   nested group → (M, m, N, n)

        Returns P (M, N) and for every nested group Q (M, N, m, n), each pair of total mass 1. The value of a pair is
        scaled by m as the cost is a sum over the m places of a target outer unit.
        """
        total = outer.copy()
        found: dict[str, Plan] = {}
        for name, cost in inner.items():
            rows, m, columns, n = cost.shape
            plans = np.empty((rows, columns, m, n))
            for i, j in np.ndindex(rows, columns):
                plans[i, j] = self(cost[i, :, j, :])
                total[i, j] += m * float((plans[i, j] * cost[i, :, j, :]).sum())
            found[name] = plans
        return self(total), found


def stopped_short(errors: Sequence[float]) -> tuple[str, ...]:
    """The sentence about what a Solver told; none if it told nothing."""
    if not errors:
        return ()
    plans = "1 plan" if len(errors) == 1 else f"{len(errors)} plans"
    return (f"Sinkhorn stopped short on {plans}, up to {max(errors):.1%} from the marginals: raise epsilon",)


def emd(cost: Cost) -> Plan:
    """Exact plan: min <P, cost> with uniform marginals; between groups of one size a permutation divided by n.

    cost   (m, n); solved as an assignment where m = n (Birkhoff), by network simplex elsewhere (POT)

    Raises SettingError if the cost holds NaN or infinite entries.
    """
    m, n = cost.shape
    if not np.isfinite(cost).all():
        raise SettingError("a cost matrix holds NaN or infinite entries; check the weights and activations for them")
    if m == n:
        plan = np.zeros((n, n))
        plan[np.arange(n), assignment(-cost)] = 1 / n
        return plan
    return np.asarray(ot.emd(np.full(m, 1 / m), np.full(n, 1 / n), cost, numItermax=1_000_000))


def sinkhorn(cost: Cost, *, epsilon: float, iterations: int = 200, tolerance: float = 1e-6) -> tuple[Plan, float]:
    """Entropic plan: min <P, cost / max cost> − ε H(P) with uniform marginals (Cuturi 2013), in the log domain.

    epsilon      relative to the largest cost; reached by halving from 1, each time from the potentials before
    tolerance    stop when the L1 error of the row marginal is below this

    Returns the plan, moved onto the marginals exactly (Altschuler 2017, alg. 2), and the marginal error before that.
    """
    if not np.isfinite(cost).all():
        raise SettingError("a cost matrix holds NaN or infinite entries; check the weights and activations for them")
    m, n = cost.shape
    shifted = cost - cost.min()
    scaled = shifted / max(float(shifted.max()), 1e-300)
    f, g = np.zeros(m), np.zeros(n)
    level, error = max(1.0, epsilon), np.inf
    while True:
        level = max(level / 2, epsilon)
        last = level == epsilon
        for _ in range(max(1, (iterations if last else 20) // INNER)):
            f, g, error = _iterate(scaled, f, g, level)
            if error < tolerance:
                break
        if last:
            return rounded(np.exp((f[:, None] + g - scaled) / level)), error


def _iterate(cost: Cost, f: Cost, g: Cost, epsilon: float) -> tuple[Cost, Cost, float]:
    """One iteration in the log domain, then several on the kernel with the potentials absorbed (Schmitzer 2019): as
    safe, and much faster. Returns the potentials and the L1 error of the row marginal."""
    m, n = cost.shape
    f = -epsilon * (_log_sum_exp((g - cost) / epsilon, axis=1) + np.log(m))
    g = -epsilon * (_log_sum_exp((f[:, None] - cost) / epsilon, axis=0) + np.log(n))
    kernel = np.exp((f[:, None] + g - cost) / epsilon)
    u, v = np.ones(m), np.ones(n)
    for _ in range(INNER - 1):
        u = 1 / m / (kernel @ v)
        v = 1 / n / (u @ kernel)
        if not 1e-100 < min(u.min(), v.min()) <= max(u.max(), v.max()) < 1e100:
            return f, g, float(np.abs(kernel.sum(1) - 1 / m).sum())
    error = float(np.abs(u * (kernel @ v) - 1 / m).sum())
    return f + epsilon * np.log(u), g + epsilon * np.log(v), error


def _log_sum_exp(x: Cost, axis: int) -> Cost:
    """log Σ exp x along one axis of finite numbers."""
    top = x.max(axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis)) + top.squeeze(axis)


def rounded(plan: Plan) -> Plan:
    """The plan with uniform marginals nearest in spirit to a positive matrix: too full rows and columns are scaled
    down, what is missing is spread as a product (Altschuler 2017, alg. 2)."""
    m, n = plan.shape
    plan = plan * np.minimum(1.0, (1 / m) / np.maximum(plan.sum(1), 1e-300))[:, None]
    plan = plan * np.minimum(1.0, (1 / n) / np.maximum(plan.sum(0), 1e-300))
    rows, columns = 1 / m - plan.sum(1), 1 / n - plan.sum(0)
    missing = rows.sum()
    return plan + np.outer(rows, columns) / missing if missing > 0 else plan


def coupling(group: str, plan: Plan) -> Coupling:
    """A free group's Coupling: hard where the plan is a permutation divided by n."""
    perm = _permutation(plan)
    return Coupling(group, perm=perm) if perm is not None else Coupling(group, plan=plan)


def nested_coupling(group: str, plans: Plan, outer: Coupling) -> Coupling:
    """A nested group's Coupling from one plan per pair of outer units, hard where all that are used are."""
    if outer.perm is not None:
        perms = [_permutation(plans[i, j]) for i, j in enumerate(outer.perm)]
        if all(perm is not None for perm in perms):
            return Coupling(group, perm=np.array(perms, dtype=np.int64))
    return Coupling(group, plan=plans)


def _permutation(plan: Plan) -> NDArray[np.int64] | None:
    m, n = plan.shape
    if m != n or np.count_nonzero(plan) != n:
        return None
    perm = plan.argmax(1)
    return perm.astype(np.int64) if len(set(perm.tolist())) == n else None
