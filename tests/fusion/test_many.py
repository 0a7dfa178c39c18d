"""Several models matched at once: cycles come back, rounds never spread, gradients are exact."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from fusing import copies, few, mlp, problem
from hypothesis import given
from hypothesis import strategies as st
from planted import difference

from lmc_core.fusion.fuse import fuse, fusion
from lmc_core.fusion.universe import Universe
from lmc_core.symmetry.permute import compose, invert


@pytest.mark.parametrize("name", ["mlp", "vgg_bn_flatten", "lstm2"])
def test_cycle_consistent_matching_finds_an_order_by_frank_wolfe_alone(name):
    net, _, (moved, _) = copies(name)
    fused = fuse([net, moved], "c2m3", start="uniform", polish=0)
    assert difference(fused.state, net.state) < 1e-12


@few
@given(seed=st.integers(0, 999))
def test_going_round_a_cycle_of_models_comes_back(seed):
    nets = [mlp(6, 9, 8, 3, seed=seed + i) for i in range(3)]
    result = fusion(nets, "c2m3")
    a, b, c = ({name: coupling.perm for name, coupling in each.items()} for each in result.couplings)
    round_trip = dict.fromkeys(result.symmetry.groups)
    for start, end in ((a, b), (b, c), (c, a)):
        pair = compose(start, invert(end, result.symmetry), result.symmetry)
        known = all(value is not None for value in round_trip.values())
        round_trip = compose(round_trip, pair, result.symmetry) if known else pair
    assert all((perm == np.arange(len(perm))).all() for perm in round_trip.values())
    assert result.history[-1] >= result.history[0]


def test_frank_wolfe_on_all_models_follows_the_gradient_of_the_pairwise_sum():
    nets = [mlp(6, 9, 8, 3, seed=seed) for seed in range(3)]
    universe = Universe(problem(*nets))
    plans = universe.uniform(np.random.default_rng(0))
    carried = [dict(net.state) for net in nets]
    for i, state in enumerate(carried):
        one, two = (plans[f"{i}:{group}"] for group in ("layer.0", "layer.2"))
        state |= {"0.weight": one @ state["0.weight"], "0.bias": one @ state["0.bias"]}
        state |= {"2.weight": two @ state["2.weight"] @ one.T, "2.bias": two @ state["2.bias"]}
        state |= {"4.weight": state["4.weight"] @ two.T, "4.bias": torch.zeros(3)}
    pairs = [(0, 1), (0, 2), (1, 2)]
    wanted = sum(float((carried[a][n] * carried[b][n]).sum()) for a, b in pairs for n in carried[0])
    value, gradient = universe.gradient(plans)
    assert value == pytest.approx(wanted, rel=1e-9)
    step = {name: 1e-6 * torch.randn_like(x) for name, x in plans.items()}
    up, down = (float(universe.value({n: x + s * step[n] for n, x in plans.items()})) for s in (1, -1))
    assert (up - down) / 2 == pytest.approx(sum(float((gradient[n] * step[n]).sum()) for n in plans), rel=1e-5)


@pytest.mark.parametrize("method", ["merge-many", "c2m3"])
def test_several_permuted_copies_fuse_to_the_first(method):
    net, _, moved = copies("gru2")
    kept = {"start": "uniform"} if method == "c2m3" else {}
    assert difference(fuse([net, *moved], method, **kept).state, net.state) < 1e-12


def test_merging_many_never_spreads_the_models():
    nets = [mlp(6, 20, 15, 3, seed=seed) for seed in range(4)]
    history = fusion(nets, "merge-many").history
    assert all(later <= earlier for earlier, later in pairwise(history))
    assert history[-1] < history[0]
