"""Objectives of relations within each network."""

import numpy as np
from planted import planted
from zoo import symmetric

from lmc_core.alignment.objective import Position
from lmc_core.alignment.structure import structural
from lmc_core.symmetry.permute import identity, random_permutations


def test_the_objective_of_relations_is_the_gromov_wasserstein_double_sum_up_to_a_constant():
    net, found = symmetric("mlp")
    problem = planted(net, found, seed=1, noise=1.0)
    objective = structural(net, problem.moved, found, alpha=1.0)

    rng = np.random.default_rng(0)
    totals, sums = [], []
    for _ in range(4):
        perms = {**identity(found), **random_permutations(found, rng)}
        totals.append(Position(objective, perms).total)
        value = 0.0
        for term in objective.terms:
            for name, target in term.targets.items():
                x, y = target.numpy(), objective.still[name].numpy()
                perm = perms[name.removesuffix(": distances")]
                size = np.linalg.norm(x) / np.linalg.norm(y)
                value += ((x / size - y[perm][:, perm]) ** 2).sum() * size
        sums.append(-value / 2)
    assert np.ptp(np.array(totals) - np.array(sums)) < 1e-9 * abs(totals[0])


def test_recurrent_weights_are_compared_on_both_axes_with_one_matrix_per_gate():
    net, found = symmetric("lstm2")
    objective = structural(net, net, found, alpha=1.0)
    names = {name for term in objective.terms for name in term.targets}
    recurrent = {name for name in net.state if "weight_hh" in name}
    assert recurrent <= names
    assert not any(name.startswith("l0") or "weight_ih" in name for name in names)
