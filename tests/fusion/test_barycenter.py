"""Barycentres zero the gradient of the transport cost, and the loop never raises it."""

from itertools import pairwise

import numpy as np
import torch
from fusing import copies, few, mlp, plan, problem
from hypothesis import given
from hypothesis import strategies as st
from planted import difference, planted

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.distance import distance, entering
from lmc_core.fusion.barycenter import barycenter
from lmc_core.fusion.fuse import fusion
from lmc_core.symmetry.permute import invert


@few
@given(share=st.floats(0, 1), seed=st.integers(0, 999))
def test_the_barycentre_step_zeroes_the_gradient_of_the_transport_cost(share, seed):
    nets = [mlp(4, 5, 6, 3, seed=seed), mlp(4, 7, 8, 3, seed=seed + 1)]
    case = problem(*nets, weights=(share, 1 - share))
    first, second = blocks(case.symmetry)
    couplings = [
        {
            b.name: Coupling(b.name, plan=plan(b.outer.size, m.symmetry.groups[b.name].size, seed + i))
            for b in (first, second)
        }
        for i, m in enumerate(case.models)
    ]
    target = {name: x.clone() for name, x in barycenter(case, couplings, case.models[0].state).items()}
    slots, _ = entering(case, second, {first.name})

    def total(state):
        found = 0.0
        for weight, model, known in zip(case.weights, case.models, couplings, strict=True):
            cost = distance(case, second, model, state, known, slots).outer
            found += weight * (known[second.name].matrix * cost).sum()
        return found

    least = total(target)
    for name in ("2.weight", "2.bias"):
        for index in ((0, 0), (3, 2))[: target[name].ndim]:
            step = torch.zeros_like(target[name])
            step[index[: step.ndim]] = 1e-3
            up, down = (total({**target, name: target[name] + sign * step}) for sign in (1, -1))
            assert up > least
            assert abs(up - down) < 1e-12


def test_permutation_couplings_permute_and_average():
    net, found, (moved, _) = copies("mlp")
    case = problem(net, moved)
    back = invert(planted(net, found, seed=1).perms, found)
    still = {name: Coupling(name, perm=np.arange(g.size)) for name, g in found.groups.items()}
    forth = {name: Coupling(name, perm=invert(back, found)[name]) for name in found.groups}
    assert difference(barycenter(case, [still, forth], net.state), net.state) == 0


def test_couplings_and_barycentres_never_raise_the_transport_cost_of_a_layer():
    nets = [mlp(3, 40, 2, seed=seed) for seed in range(4)]
    history = fusion(nets, "wasserstein-barycenter").history
    assert len(history) > 2
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(history))
