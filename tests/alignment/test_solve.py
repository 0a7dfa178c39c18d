"""Transport problems: assignments against brute force, plans against POT, the limit of small epsilon."""

from itertools import pairwise, permutations, product

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc_core.alignment import solve
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.solve import Solver, assignment, emd, nearest, nested_nearest, rounded, sinkhorn, total
from lmc_core.errors import SettingError
from lmc_core.operators import Kind


def test_an_assignment_is_the_best_of_all_permutations():
    cost = np.random.default_rng(0).normal(size=(6, 6))
    best = max(sum(cost[i, p[i]] for i in range(6)) for p in permutations(range(6)))
    perm = assignment(cost)
    assert sorted(perm) == list(range(6))
    assert cost[np.arange(6), perm].sum() == pytest.approx(best)


def test_the_perm_says_which_source_unit_goes_to_each_target_position():
    cost = np.zeros((3, 3))
    cost[0, 2] = cost[1, 0] = cost[2, 1] = 1
    assert assignment(cost).tolist() == [2, 0, 1]


def test_units_that_nothing_distinguishes_stay_where_they_are():
    assert assignment(np.zeros((5, 5))).tolist() == [0, 1, 2, 3, 4]


def test_a_cost_that_is_not_square_is_refused():
    with pytest.raises(SettingError, match=r"square cost, not \(2, 3\)"):
        assignment(np.zeros((2, 3)))


def test_a_cost_with_nan_is_refused():
    with pytest.raises(SettingError, match="NaN"):
        assignment(np.full((2, 2), np.nan))


def test_a_nested_assignment_is_the_best_of_all_orders_of_outer_and_inner_units():
    rng = np.random.default_rng(1)
    cost, qk, vo = rng.normal(size=(3, 3)), rng.normal(size=(3, 2, 3, 2)), rng.normal(size=(3, 3, 3, 3))

    def value(p, q, v):
        return sum(
            cost[i, p[i]]
            + sum(qk[i, k, p[i], q[i][k]] for k in range(2))
            + sum(vo[i, k, p[i], v[i][k]] for k in range(3))
            for i in range(3)
        )

    inner_qk = list(product(permutations(range(2)), repeat=3))
    inner_vo = list(product(permutations(range(3)), repeat=3))
    best = max(
        max(value(p, q, inner_vo[0]) for q in inner_qk)
        + max(value(p, inner_qk[0], v) for v in inner_vo)
        - value(p, inner_qk[0], inner_vo[0])
        for p in permutations(range(3))
    )
    perm, nested = nested_nearest(cost, {"qk": qk, "vo": vo}, {"qk": "permutation", "vo": "permutation"})
    assert nested["qk"].shape == (3, 2)
    assert nested["vo"].shape == (3, 3)
    assert value(perm, nested["qk"], nested["vo"]) == pytest.approx(best)


@pytest.mark.parametrize("kind", ["permutation", "signed", "orthogonal", "centred"])
@pytest.mark.parametrize("planted", [False, True])
def test_pairs_are_solved_only_where_they_could_be_chosen_and_none_gains_more(
    kind: Kind, planted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    outer, inner = rng.normal(size=(6, 6)), rng.normal(size=(6, 5, 6, 5))
    if planted:
        for i, j in enumerate(rng.permutation(6)):
            inner[i, :, j, :] += 9 * np.eye(5)
    gains = [[total(nearest(kind, inner[i, :, j, :]), inner[i, :, j, :]) for j in range(6)] for i in range(6)]
    best = outer + np.array(gains)
    count: list[Kind] = []
    monkeypatch.setattr(solve, "nearest", lambda kind, cost: count.append(kind) or nearest(kind, cost))
    perm, nested = nested_nearest(outer, {"c": inner}, {"c": kind})
    found = sum(outer[i, j] + total(nested["c"][i], inner[i, :, j, :]) for i, j in enumerate(perm))
    assert found == pytest.approx(total(assignment(best), best))
    assert len(count) == 6 if planted else len(count) <= 36


def test_inner_rows_belong_to_the_outer_unit_that_ends_there():
    """Outer units are swapped, and unit 0 of the source has its inner units in reverse: row 1 must reverse them."""
    inner = np.zeros((2, 3, 2, 3))
    inner[1, :, 0, :] = np.eye(3)[::-1]
    inner[0, :, 1, :] = np.eye(3)
    perm, nested = nested_nearest(np.zeros((2, 2)), {"c": inner}, {"c": "permutation"})
    assert perm.tolist() == [1, 0]
    assert nested["c"].tolist() == [[0, 1, 2], [2, 1, 0]]


def cost(m, n, seed=0):
    return np.random.default_rng(seed).uniform(size=(m, n))


def assert_uniform(plan, tolerance=1e-12):
    m, n = plan.shape
    assert plan.min() >= 0
    np.testing.assert_allclose(plan.sum(1), 1 / m, atol=tolerance)
    np.testing.assert_allclose(plan.sum(0), 1 / n, atol=tolerance)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_every_plan_has_uniform_marginals_and_total_mass_one(m, n, seed):
    for solver in (Solver("emd"), Solver("sinkhorn", 0.05)):
        assert_uniform(solver(cost(m, n, seed)))


@pytest.mark.parametrize(("m", "n"), [(7, 7), (5, 9), (9, 5), (6, 3)])
def test_emd_costs_what_pot_says(m, n):
    c = cost(m, n)
    assert (emd(c) * c).sum() == pytest.approx(ot.emd2(np.full(m, 1 / m), np.full(n, 1 / n), c), abs=1e-12)


def test_emd_between_equal_groups_is_a_permutation():
    made = Coupling.of_plan("g", emd(cost(20, 20)))
    assert made.is_hard
    assert sorted(made.perm) == list(range(20))


@pytest.mark.parametrize(("m", "n"), [(6, 6), (4, 7)])
def test_sinkhorn_agrees_with_pot_in_the_log_domain(m, n):
    c = cost(m, n)
    plan, error = sinkhorn(c, epsilon=0.05, iterations=5000, tolerance=1e-12)
    shifted = c - c.min()
    theirs = ot.sinkhorn(
        np.full(m, 1 / m),
        np.full(n, 1 / n),
        shifted / shifted.max(),
        0.05,
        method="sinkhorn_log",
        stopThr=1e-12,
        numItermax=20_000,
    )
    assert error < 1e-12
    np.testing.assert_allclose(plan, theirs, atol=1e-9)


def test_sinkhorn_approaches_the_exact_plan_as_epsilon_falls_and_never_under_flows():
    c = cost(12, 12, seed=3)
    exact = (emd(c) * c).sum()
    gaps = [(sinkhorn(c, epsilon=eps, iterations=2000)[0] * c).sum() - exact for eps in (0.5, 0.05, 0.005, 0.0005)]
    assert all(later < earlier for earlier, later in pairwise(gaps))
    assert gaps[0] > 1e-2
    assert -1e-12 < gaps[-1] < 1e-3


def test_rounding_keeps_a_plan_that_is_right():
    plan = np.full((3, 4), 1 / 12)
    np.testing.assert_allclose(rounded(plan), plan, atol=1e-15)


def test_nested_plans_pair_outer_units_by_what_is_best_inside():
    rng = np.random.default_rng(0)
    inside = rng.uniform(1, 2, size=(3, 2, 3, 2))
    wanted = [2, 0, 1]
    for i, j in enumerate(wanted):
        inside[i, :, j, :] = [[1.0, 0.0], [0.0, 1.0]]  # cheap when the two units are exchanged
    outer, inner = Solver().nested(np.zeros((3, 3)), {"dim": inside})
    made = Coupling.of_plan("head", outer)
    assert made.perm.tolist() == wanted
    assert Coupling.of_plans("dim", inner["dim"], made).perm.tolist() == [[1, 0]] * 3


def test_a_cost_that_is_not_finite_is_refused():
    for solver in (Solver("emd"), Solver("sinkhorn")):
        with pytest.raises(SettingError, match="NaN"):
            solver(np.array([[1.0, np.nan], [0.0, 1.0]]))


def test_a_solver_says_which_plans_it_left_far_from_their_marginals():
    short, settled = Solver("sinkhorn", 1e-4, 20), Solver("sinkhorn", 0.1)
    short(cost(200, 130))
    settled(cost(40, 40))
    assert len(short.missed) == 1
    assert short.missed[0] > 1e-3
    assert "1 plan" in short.notes[0]
    assert settled.missed == []
    assert settled.notes == ()
