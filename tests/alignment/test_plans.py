"""Transport plans: marginals, agreement with POT, exactness where an assignment exists, the limit of small epsilon."""

from itertools import pairwise

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc_core.alignment.plans import Solver, coupling, emd, nested_coupling, rounded, sinkhorn
from lmc_core.errors import SettingError


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
    made = coupling("g", emd(cost(20, 20)))
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
    made = coupling("head", outer)
    assert made.perm.tolist() == wanted
    assert nested_coupling("dim", inner["dim"], made).perm.tolist() == [[1, 0]] * 3


def test_a_cost_that_is_not_finite_is_refused():
    for solver in (Solver("emd"), Solver("sinkhorn")):
        with pytest.raises(SettingError, match="NaN"):
            solver(np.array([[1.0, np.nan], [0.0, 1.0]]))


def test_a_plan_left_far_from_its_marginals_is_told_of():
    told = []
    Solver("sinkhorn", 1e-4, 20, tell=told.append)(cost(200, 130))
    assert len(told) == 1
    assert told[0] > 1e-3
    Solver("sinkhorn", 0.1, tell=told.append)(cost(40, 40))
    assert len(told) == 1
