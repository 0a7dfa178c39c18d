"""Distances between units are what their equations say, sums over every pair and coupling."""

import numpy as np
from fusing import few, mlp, plan, problem
from hypothesis import given
from hypothesis import strategies as st
from planted import planted
from zoo import symmetric

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.distance import by_weights, distance, entering
from lmc_core.alignment.problem import Problem
from lmc_core.symmetry.permute import permute


@few
@given(m=st.integers(2, 6), n=st.integers(2, 7), k=st.integers(2, 8), seed=st.integers(0, 999))
def test_the_cost_by_matrix_products_is_the_quadruple_sum(m, n, k, seed):
    a, b = mlp(4, m, 6, 3, seed=seed), mlp(4, n, k, 3, seed=seed + 1)
    case = problem(a, b, widths=None)
    first, second = blocks(case.symmetry)
    model, pi = case.models[1], plan(m, n, seed)
    known = {first.name: Coupling(first.name, plan=pi)}
    slots, _ = entering(case, second, {first.name})
    cost = distance(case, second, model, a.state, known, slots).outer
    w, v = a.state["2.weight"].numpy(), model.state["2.weight"].numpy()
    sums = m * np.einsum("jkpq,pq->jk", (w[:, None, :, None] - v[None, :, None, :]) ** 2, pi)
    bias = (a.state["2.bias"].numpy()[:, None] - b.state["2.bias"].numpy()) ** 2
    np.testing.assert_allclose(cost, sums + bias, atol=1e-12)


def test_the_cost_of_ot_fusion_leaves_out_the_variance_of_a_source_within_its_coupling():
    case = problem(mlp(4, 5, 6, 3), mlp(4, 7, 8, 3, seed=1))
    first, second = blocks(case.symmetry)
    known = {first.name: Coupling(first.name, plan=plan(5, 7))}
    slots, _ = entering(case, second, {first.name})
    target = case.models[0].state
    both = [
        distance(case, second, case.models[1], target, known, slots, spread=spread).outer for spread in (True, False)
    ]
    gap = both[0] - both[1]
    assert gap.min() > 0
    np.testing.assert_allclose(gap, np.broadcast_to(gap[0], gap.shape), atol=1e-12)


def test_the_distances_of_a_layer_are_those_of_its_weights_once_the_inputs_are_in_order():
    net, found = symmetric("mlp")
    problem = planted(net, found, seed=1, noise=0.5)
    first, second = blocks(found)
    case = Problem.pair(net, problem.moved, found)

    known = {first.name: Coupling(first.name, perm=problem.perms[first.name])}
    there = permute(problem.moved.state, found, {first.name: problem.perms[first.name]})
    (name,) = (n for n, axes in found.axes.items() if str(axes[0]) == second.name and len(axes) == 2)
    rows = [state[name] for state in (net.state, there)]
    wanted = ((rows[0][:, None] - rows[1]) ** 2).sum(-1).numpy()
    cost = by_weights(biases=False)(case, second, case.models[0], net.state, known)
    assert np.allclose(cost.outer, wanted)
