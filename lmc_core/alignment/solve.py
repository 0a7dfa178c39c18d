"""Transport problems: the best permutation of a group, and plans between two groups, exact or entropic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmc_core.errors import SettingError
from lmc_core.operators import Kind
from lmc_core.symmetry.classes import Element, as_numbers, of_numbers, stacked

Perm = NDArray[np.int64]
Cost = NDArray[np.float64]
Plan = NDArray[np.float64]

MISSED = 1e-3  # share of the mass whose move onto the marginals is worth a word
INNER = 20  # Sinkhorn iterations between two absorptions


def assignment(cost: Cost) -> Perm:
    """Permutation with the largest total: max over P of <P, cost> (Kuhn 1955; Jonker and Volgenant 1987).

    cost   (n, n) target × source: what is gained by placing source unit j at target position i. Where all units of a
           side are told apart lapx solves it, two to four times as fast as SciPy on matrices of 512 and 2048 units;
           SciPy does where some are not, as dead ones: ties between them slow the other down

    Returns perm (n,) with perm[i] = the source unit placed at position i.
    Raises SettingError if the matrix is not square or holds NaN or infinite entries.
    """
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise SettingError(f"an assignment needs a square cost, not {cost.shape}; groups of other sizes need a plan")
    _check_finite(cost)
    if len(cost) < 2 or (cost == cost[:1]).all(0).any() or (cost == cost[:, :1]).all(1).any():
        from scipy.optimize import linear_sum_assignment  # slow to import, seldom needed

        return linear_sum_assignment(cost, maximize=True)[1].astype(np.int64)
    import lap

    return np.asarray(lap.lapjvr(-cost, extend_cost=False)[2], dtype=np.int64)


def _check_finite(cost: Cost) -> None:
    if not np.isfinite(cost).all():
        raise SettingError("a cost matrix holds NaN or infinite entries; check the weights and activations for them")


def nearest(kind: Kind, cost: Cost) -> Element:
    """The element of a class with the largest total: max over G of <G, cost>.

    permutation   an assignment
    signed        an assignment of absolute values, with the signs of what is chosen
    orthogonal    U V' of cost = U S V' (Schönemann 1966); its total is the nuclear norm
    centred       the same for what is orthogonal to the all-ones vector, which stays
    phase         for every rotary pair the angle of its block, c/|c| with c = (C₁₁ + C₂₂) + i (C₂₁ − C₁₂); its total
                  is Σ |c|

    kind   whose elements are their own inverse transposes: matching a general or scaled group balances it first
    cost   (n, n) target × source: what is gained by a share of source unit j at target position i

    Returns perm (n,), or G (n, n). Raises SettingError as `assignment` does, and for other classes.
    """
    if kind == "permutation":
        return assignment(cost)
    if kind == "signed":
        perm = assignment(np.abs(cost))
        rows = np.arange(len(perm))
        return np.asarray(np.eye(len(perm))[perm] * np.where(cost[rows, perm] < 0, -1.0, 1.0)[:, None])
    _check_finite(cost)
    if kind == "orthogonal":
        return polar(cost)
    if kind in ("phase", "interleaved-phase"):
        return phases(kind, cost)
    if kind == "centred":
        n = len(cost)
        around = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, 1:]]))[0][:, 1:]  # (n, n − 1), 1ᵀ around = 0
        return np.asarray(around @ polar(around.T @ cost @ around) @ around.T + 1 / n)
    raise SettingError(f"no element of the class {kind!r} is nearest: balance the group, then match its rotations")


def phases(kind: Kind, cost: Cost) -> NDArray[np.float64]:
    """The turns of rotary pairs with the largest total (…, n, n); a pair of which nothing is known stays."""
    numbers = as_numbers(kind, cost)
    sizes = np.abs(numbers)
    return of_numbers(kind, np.where(sizes > 0, numbers / np.where(sizes > 0, sizes, 1.0), 1.0))


def polar(cost: Cost) -> NDArray[np.float64]:
    """The orthogonal U V' of U S V': the one with the largest total (n, n)."""
    u, _, v = np.linalg.svd(cost)
    return np.asarray(u @ v)


def total(element: Element, cost: Cost) -> float:
    """<G, cost>."""
    if element.dtype.kind == "i":
        return float(cost[np.arange(len(cost)), element].sum())
    return float((element * cost).sum())


def nested_nearest(
    cost: Cost, inner: Mapping[str, Cost], kinds: Mapping[str, Kind], pairs: Cost | None = None
) -> tuple[Perm, dict[str, Element]]:
    """Best permutation of outer units together with one element inside each (heads, and units within a head).

    max over P and Q of <P, cost> + Σ_c Σ_ij P_ij <Q^c_ij, inner_c[i, :, j, :]>, solved exactly: the nearest element
    inside a pair (i, j) of outer units counts as a gain of that pair. A pair is solved only when the best permutation
    of bounds of these gains chooses it: once all that is chosen is solved, no other permutation gains more.

    cost    (N, N) gain of placing outer unit j at position i, apart from what is inside
    inner   nested group → (N, n, N, n): [i, k, j, l] = gain of placing unit l of outer unit j at place k of position i
    kinds   nested group → its class
    pairs   (N, N) gains of outer pairs that take the place of what is gained inside them, where these are known
            better: what is inside is then solved for the chosen pairs alone

    Returns the outer perm (N,) and for each nested group (N, n), or (N, n, n): row i moves the units of outer unit
    perm[i].
    """
    if pairs is not None:
        perm = assignment(cost + pairs)
        return perm, {
            name: stacked([nearest(kinds[name], blocks[i, :, j, :]) for i, j in enumerate(perm)])
            for name, blocks in inner.items()
        }
    gains = cost + sum(_most(kinds[name], blocks) for name, blocks in inner.items())
    found: dict[tuple[int, int], dict[str, Element]] = {}
    while True:
        perm = assignment(gains)
        chosen = [(i, int(j)) for i, j in enumerate(perm)]
        unsolved = [pair for pair in chosen if pair not in found]
        if not unsolved:
            return perm, {name: stacked([found[pair][name] for pair in chosen]) for name in inner}
        for i, j in unsolved:
            found[i, j] = {name: nearest(kinds[name], blocks[i, :, j, :]) for name, blocks in inner.items()}
            gains[i, j] = cost[i, j] + sum(total(g, inner[name][i, :, j, :]) for name, g in found[i, j].items())


def _most(kind: Kind, blocks: Cost) -> Cost:
    """(N, N) of which no element of a class gains more inside a pair: blocks (N, n, N, n)."""
    if kind in ("permutation", "signed"):
        worth = np.abs(blocks) if kind == "signed" else blocks
        return np.asarray(np.minimum(worth.max(3).sum(1), worth.max(1).sum(2)))
    size = float(np.abs(blocks).max(initial=0.0)) or 1.0
    return np.asarray(size * np.sqrt(blocks.shape[1] * np.square(blocks / size).sum((1, 3))))  # ‖C‖₁ ≤ √n ‖C‖₂


@dataclass(frozen=True)
class Solver:
    """How a cost becomes a plan with uniform marginals.

    kind         "emd": exact, a permutation between groups of one size; "sinkhorn": entropic
    epsilon      entropic regularisation, relative to the largest cost
    iterations   most Sinkhorn iterations at the final epsilon
    missed       the marginal error of every plan that Sinkhorn left further than MISSED from its marginals
    """

    kind: str = "emd"
    epsilon: float = 0.005
    iterations: int = 200
    missed: list[float] = field(default_factory=list, compare=False)

    def __call__(self, cost: Cost) -> Plan:
        """(m, n) plan of total mass 1, rows 1/m and columns 1/n, for a cost (m, n) that is to be small."""
        if cost.shape == (1, 1):
            return np.ones((1, 1))
        if self.kind == "emd":
            return emd(cost)
        plan, error = sinkhorn(cost, epsilon=self.epsilon, iterations=self.iterations)
        if error > MISSED:
            self.missed.append(error)
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

    def value(self, plan: Plan, cost: Cost) -> float:
        """<P, cost>, less the entropy that soft plans are rewarded for."""
        value = float((plan * cost).sum())
        if self.kind == "sinkhorn":
            positive = plan[plan > 0]
            value += self.epsilon * float(cost.max() - cost.min()) * float((positive * np.log(positive)).sum())
        return value

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentence about the plans it left short of their marginals; none if there are none."""
        if not self.missed:
            return ()
        plans = "1 plan" if len(self.missed) == 1 else f"{len(self.missed)} plans"
        return (f"Sinkhorn stopped short on {plans}, up to {max(self.missed):.1%} from the marginals: raise epsilon",)


def emd(cost: Cost) -> Plan:
    """Exact plan: min <P, cost> with uniform marginals; between groups of one size a permutation divided by n.

    cost   (m, n); solved as an assignment where m = n (Birkhoff), by network simplex elsewhere (POT)

    Raises SettingError if the cost holds NaN or infinite entries.
    """
    m, n = cost.shape
    _check_finite(cost)
    if m == n:
        plan = np.zeros((n, n))
        plan[np.arange(n), assignment(-cost)] = 1 / n
        return plan
    import ot

    return np.asarray(ot.emd(np.full(m, 1 / m), np.full(n, 1 / n), cost, numItermax=1_000_000))


def sinkhorn(cost: Cost, *, epsilon: float, iterations: int = 200, tolerance: float = 1e-6) -> tuple[Plan, float]:
    """Entropic plan: min <P, cost / max cost> − ε H(P) with uniform marginals (Cuturi 2013), in the log domain.

    epsilon      relative to the largest cost; reached by halving from 1, each time from the potentials before
    tolerance    stop when the L1 error of the row marginal is below this

    Returns the plan, moved onto the marginals exactly (Altschuler 2017, alg. 2), and the marginal error before that.
    """
    _check_finite(cost)
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
