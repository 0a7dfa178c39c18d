"""Recurrent units coupled by what enters them and by how they act on each other."""

import numpy as np
import ot
import pytest
from fusing import few, plan, problem, rnn
from hypothesis import given
from hypothesis import strategies as st
from planted import difference, planted

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.solve import Solver
from lmc_core.fusion.fuse import fuse, fusion
from lmc_core.fusion.gromov import conditional_gradient, quadratic, row_steps
from lmc_core.networks.checkpoint import load
from lmc_core.symmetry.infer import symmetry


@few
@given(m=st.integers(2, 6), n=st.integers(2, 6), seed=st.integers(0, 999))
def test_the_recurrent_cost_by_matrix_products_is_the_double_sum(m, n, seed):
    a, b = rnn(m, seed=seed), rnn(n, seed=seed + 1)
    case = problem(a, b)
    (block,) = blocks(case.symmetry)
    objective = quadratic(case, block, case.models[1], a.state, {}, alpha=2.0)
    h, k = a.state["rnn.weight_hh_l0"].numpy(), case.models[1].state["rnn.weight_hh_l0"].numpy()
    pi = plan(m, n, seed)
    squares = (h[:, None, :, None] - k[None, :, None, :]) ** 2
    np.testing.assert_allclose(objective.row(pi), m * np.einsum("jkpq,pq->jk", squares, pi), atol=1e-12)
    np.testing.assert_allclose(objective.column(pi), m * np.einsum("pqjk,pq->jk", squares, pi), atol=1e-12)
    step = 1e-5 * (plan(m, n, seed + 9) - pi)
    slope = (objective.value(pi + step) - objective.value(pi - step)) / 2
    assert slope == pytest.approx((objective.gradient(pi) * step).sum(), rel=1e-5, abs=1e-14)


def test_the_exact_recurrent_coupling_is_as_good_as_that_of_pot():
    a, b = rnn(6), rnn(6, seed=1)
    case = problem(a, b)
    (block,) = blocks(case.symmetry)
    objective = quadratic(case, block, case.models[1], a.state, {}, alpha=1.0)
    start = np.full((6, 6), 1 / 36)
    h, k = (net.state["rnn.weight_hh_l0"].numpy() for net in (a, b))
    uniform = np.full(6, 1 / 6)
    weight = objective.alpha * 6  # of the mean over pairs, against the linear cost
    theirs = ot.gromov.fused_gromov_wasserstein(
        objective.linear, h, k, uniform, uniform, symmetric=False, alpha=weight / (1 + weight), G0=start
    )
    mine, settled = conditional_gradient(objective, start, Solver(), limit=500, damping=1.0)
    assert settled
    assert objective.value(mine) == pytest.approx(objective.value(theirs), rel=1e-6)


@pytest.mark.parametrize("descend", [row_steps, conditional_gradient])
def test_recurrent_couplings_find_a_planted_order_without_input_weights(descend):
    net = rnn(8, features=1)
    found = symmetry(net, verify=False)
    there = planted(net, found, seed=5)
    case = problem(net, there.moved)
    (block,) = blocks(case.symmetry)
    objective = quadratic(case, block, case.models[1], net.state, {}, alpha=1000.0)
    reached, _ = descend(objective, np.full((8, 8), 1 / 64), Solver(), limit=100, damping=1.0)
    assert reached.argmax(1).tolist() == there.perms[block.name].tolist()


def test_alpha_zero_is_the_barycentre_without_hidden_weights():
    nets = [rnn(6), rnn(6, seed=1)]
    plain = fuse(nets, "wasserstein-barycenter")
    for chosen in ({"alpha": 0.0}, {"gradient": "none"}):
        assert difference(fuse(nets, "gromov-wasserstein-barycenter", **chosen).state, plain.state) == 0
    assert difference(fuse(nets, "gromov-wasserstein-barycenter").state, plain.state) > 1e-3


def test_both_starts_of_a_recurrent_coupling_are_tried_and_the_lower_end_is_kept():
    """Two trained LSTMs: neither the even plan nor that of the inputs always leads to the lower valley."""
    nets = [load(f"checkpoints/digits-lstm/seed{seed}.safetensors") for seed in (0, 1)]
    how = {"method": "gromov-wasserstein-barycenter", "iterations": 1}
    even, inputs, best = (fusion(nets, warm=warm, **how).history[0] for warm in ("uniform", "inputs", "best"))
    assert even != inputs
    assert best == pytest.approx(min(even, inputs))
    assert fusion(nets, **how).settings["warm"] == "best"
