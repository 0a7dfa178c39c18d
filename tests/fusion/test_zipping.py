"""Zipping merges the most alike first, each feature into exactly one unit."""

import numpy as np
from fusing import mlp, problem
from planted import difference, random_data

from lmc_core.alignment.coupling import Coupling
from lmc_core.fusion.barycenter import barycenter
from lmc_core.fusion.fuse import fusion
from lmc_core.fusion.zipping import zip_features


def test_zipping_without_merges_inside_a_model_permutes_and_averages():
    nets = [mlp(6, 9, 8, 3, seed=seed) for seed in range(2)]
    result = fusion(nets, "zipit", data=random_data(nets[0]), within=0.0)
    perms = [{n: c.plan.argmax(1) for n, c in each.items()} for each in result.couplings]
    assert all(sorted(p) == list(range(len(p))) for each in perms for p in each.values())
    hard = [{n: Coupling(n, perm=p) for n, p in each.items()} for each in perms]
    averaged = barycenter(problem(*nets), hard, nets[0].state)
    assert difference(result.network.state, averaged) < 1e-14


def test_every_feature_is_zipped_into_exactly_one_unit():
    rng = np.random.default_rng(0)
    owners = np.repeat([0, 1, 2], [6, 9, 5])
    x = rng.normal(size=(20, 40))
    for wanted in (3, 7, 12):
        clusters = zip_features(np.corrcoef(x), owners, wanted, remerge=0.3, within=0.5)
        assert set(clusters) == set(range(wanted))


def test_zipping_joins_the_most_alike_first_and_those_of_one_model_only_within_the_budget():
    owners = np.array([0, 0, 1, 1])
    likeness = np.array([[1, 0.99, 0.5, 0.1], [0.99, 1, 0.1, 0.4], [0.5, 0.1, 1, 0.2], [0.1, 0.4, 0.2, 1]])
    assert zip_features(likeness, owners, 2, remerge=0.3, within=0.0).tolist() == [0, 1, 0, 1]
    assert zip_features(likeness, owners, 3, remerge=0.3, within=2.0).tolist() == [0, 0, 1, 2]
