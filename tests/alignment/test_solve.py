"""Assignments against brute force."""

from itertools import permutations, product

import numpy as np
import pytest

from lmc_core.alignment.solve import assignment, nested_assignment
from lmc_core.errors import SettingError


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
    perm, nested = nested_assignment(cost, {"qk": qk, "vo": vo})
    assert nested["qk"].shape == (3, 2)
    assert nested["vo"].shape == (3, 3)
    assert value(perm, nested["qk"], nested["vo"]) == pytest.approx(best)


def test_inner_rows_belong_to_the_outer_unit_that_ends_there():
    """Outer units are swapped, and unit 0 of the source has its inner units in reverse: row 1 must reverse them."""
    inner = np.zeros((2, 3, 2, 3))
    inner[1, :, 0, :] = np.eye(3)[::-1]
    inner[0, :, 1, :] = np.eye(3)
    perm, nested = nested_assignment(np.zeros((2, 2)), {"c": inner})
    assert perm.tolist() == [1, 0]
    assert nested["c"].tolist() == [[0, 1, 2], [2, 1, 0]]
