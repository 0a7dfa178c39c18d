"""Fusion: widths and functions are kept, costs and barycentres are what their equations say."""

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import difference, planted, random_data
from torch import nn
from zoo import ZOO

import lmc_core
from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.plans import Solver
from lmc_core.cli import main
from lmc_core.errors import Cancelled, DataError, MismatchError, SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.costs import distance, entering
from lmc_core.fusion.fuse import fuse, fusion
from lmc_core.fusion.gromov import conditional_gradient, quadratic, row_steps
from lmc_core.fusion.merge import FusionProblem, Model, barycenter
from lmc_core.fusion.template import template
from lmc_core.fusion.universe import Universe
from lmc_core.fusion.zipping import zip_features
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import compose, invert
from lmc_core.training.finetune import finetune, measure

ALIGNING = [name for name in FUSIONS if name != "vanilla-average"]


@cache
def member(name):
    """A zoo network in float64, its symmetry and two planted orders of it."""
    module, inputs = ZOO[name]()
    net = network(module.double(), inputs)
    found = symmetry(net, verify=False)
    return net, found, tuple(planted(net, found, seed=seed).moved for seed in (1, 2))


def mlp(*widths, seed=0):
    torch.manual_seed(seed)
    layers = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return network(nn.Sequential(*layers[:-1]).double(), torch.randn(16, widths[0], dtype=torch.float64))


def rnn(hidden, seed=0, features=3):
    torch.manual_seed(seed)

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(features, hidden, batch_first=True, bias=False)
            self.fc = nn.Linear(hidden, 2, bias=False)

        def forward(self, x):
            return self.fc(self.rnn(x)[0][:, -1])

    return network(Classifier().double(), torch.randn(4, 5, features, dtype=torch.float64))


few = settings(max_examples=5, derandomize=True, deadline=None, database=None)


def problem(*nets, widths=None, weights=None):
    """What a method is given for these networks."""
    symmetries = [symmetry(net, verify=False) for net in nets]
    frame = template(nets, symmetries, widths)
    models = tuple(Model.of(net, s, frame) for net, s in zip(nets, symmetries, strict=True))
    return FusionProblem(models, weights or (1 / len(nets),) * len(nets), frame)


def plan(m, n, seed=0):
    """A random plan with uniform marginals."""
    return Solver("sinkhorn", 0.3, 500)(np.random.default_rng(seed).uniform(size=(m, n)))


# -- laws of every method ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "vgg_bn_flatten", "lstm2"])
def test_cycle_consistent_matching_finds_an_order_by_frank_wolfe_alone(name):
    net, _, (moved, _) = member(name)
    fused = fuse([net, moved], "c2m3", start="uniform", polish=0)
    assert difference(fused.state, net.state) < 1e-12


@pytest.mark.parametrize("method", FUSIONS)
def test_the_same_seed_gives_the_same_network(method):
    nets = [mlp(6, 9, 8, 3, seed=seed) for seed in range(3)]
    first, second = (fuse(nets, method, data=random_data(nets[0]), seed=4) for _ in range(2))
    assert difference(first.state, second.state) == 0


@pytest.mark.parametrize("method", ALIGNING)
def test_couplings_have_the_marginals_they_promise(method):
    nets = [mlp(6, 9, 8, 3, seed=seed) for seed in range(2)]
    result = fusion(nets, method, data=random_data(nets[0]))
    for couplings in result.couplings:
        for coupling in couplings.values():
            np.testing.assert_allclose(coupling.matrix.sum(), 1)
            np.testing.assert_allclose(coupling.matrix.sum(0), 1 / coupling.matrix.shape[1])
            if method != "zipit":  # whose units are made of more or fewer features
                np.testing.assert_allclose(coupling.matrix.sum(1), 1 / coupling.matrix.shape[0])


@pytest.mark.parametrize("method", [n for n, f in FUSIONS.items() if any(p.name == "solver" for p in f.parameters)])
def test_sinkhorn_blurs_copies_less_as_epsilon_falls(method):
    net = mlp(6, 9, 8, 3)
    blur = [difference(fuse([net, net], method, solver="sinkhorn", epsilon=e).state, net.state) for e in (0.1, 0.01)]
    assert blur[0] > 2 * blur[1]


@pytest.mark.parametrize("compare", ["weights", "activations"])
@pytest.mark.parametrize("method", ["wasserstein-barycenter", "ot-fusion"])
def test_responses_find_permuted_copies_too(method, compare):
    for name in ("mlp", "gpt_untied_manual"):
        net, _, (moved, _) = member(name)
        fused = fuse([net, moved], method, compare=compare, data=random_data(net))
        assert difference(fused.state, net.state) < 1e-12


# -- widths -----------------------------------------------------------------------------------------------------------


def doubled(net):
    """The same function with every hidden unit twice, what they hand on halved."""
    found = symmetry(net, verify=False)
    state = dict(net.state)
    for name, axes in found.axes.items():
        for number, axis in enumerate(axes):
            if str(axis) in found.groups:
                half = 0.5 if found.roles[name, number] == "read" else 1.0
                state[name] = half * state[name].repeat_interleave(2, number)
    sizes = [net.state["0.weight"].shape[1], *(2 * g.size for g in found.groups.values()), 3]
    wide = mlp(*sizes)
    return wide.with_state(state)


@pytest.mark.parametrize("method", ["wasserstein-barycenter", "gromov-wasserstein-barycenter", "ot-fusion"])
def test_duplicated_units_collapse_and_keep_the_function(method):
    net = mlp(6, 9, 8, 3)
    wide = doubled(net)
    x = net.example_inputs[0]
    torch.testing.assert_close(wide(x), net(x))
    shuffled = planted(wide, symmetry(wide, verify=False), seed=3).moved
    narrow = fusion([wide, shuffled, net], method, widths={"layer.0": 9, "layer.2": 8})
    torch.testing.assert_close(narrow.network(x), net(x))
    assert max(narrow.function_errors) < 1e-12
    again = fusion([net, wide], method, widths={"layer.0": 18, "layer.2": 16})
    torch.testing.assert_close(again.network(x), net(x))


def test_recurrent_and_convolutional_units_collapse_too():
    for family, options, group in [
        ("recurrent", {"features": 3, "steps": 4, "hidden": 5, "classes": 2, "cell": "lstm"}, "rnn.l0"),
        ("cnn", {"stages": ((4,), (6,)), "hidden": (8,), "input_shape": (1, 8, 8), "norm": "bn"}, "conv2"),
    ]:
        net = named(family, **options)
        n = symmetry(net, verify=False).groups[group].size
        wide = fuse([net, net], widths={group: 2 * n})
        back = fuse([wide, wide], widths={group: n})
        x = net.example_inputs[0]
        torch.testing.assert_close(wide(x), net(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(back(x), net(x), rtol=1e-4, atol=1e-5)


def named(family, seed=0, **options):
    from lmc_core.networks.families import architecture, build, example_inputs

    torch.manual_seed(seed)
    found = architecture(family, **options)
    return network(build(found), example_inputs(found), architecture=found)


def test_networks_of_two_widths_fuse_to_a_third_that_saves_loads_and_exports(tmp_path):
    small, large = (named("mlp", widths=(6, w, 3), seed=w) for w in (5, 11))
    fused = fuse([small, large], widths=8, weights=(0.25, 0.75))
    fused.save(tmp_path / "fused.safetensors")
    fused.export(tmp_path / "fused.pt2")
    x = small.example_inputs[0]
    for name in ("fused.safetensors", "fused.pt2"):
        torch.testing.assert_close(load(tmp_path / name)(x), fused(x))
    about = load(tmp_path / "fused.safetensors").metadata["fusion"]
    assert about["parents"] == [small.fingerprint, large.fingerprint]
    assert about["weights"] == [0.25, 0.75]
    assert about["widths"] == {"fc1": 8}
    assert about["method"] == "wasserstein-barycenter"


# -- costs and barycentres --------------------------------------------------------------------------------------------


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
    net, found, (moved, _) = member("mlp")
    case = problem(net, moved)
    back = invert(planted(net, found, seed=1).perms, found)
    still = {name: Coupling(name, perm=np.arange(g.size)) for name, g in found.groups.items()}
    forth = {name: Coupling(name, perm=invert(back, found)[name]) for name in found.groups}
    assert difference(barycenter(case, [still, forth], net.state), net.state) == 0


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


def test_couplings_and_barycentres_never_raise_the_transport_cost_of_a_layer():
    nets = [mlp(3, 40, 2, seed=seed) for seed in range(4)]
    history = fusion(nets, "wasserstein-barycenter").history
    assert len(history) > 2
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(history))


# -- several models ---------------------------------------------------------------------------------------------------


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
    net, _, moved = member("gru2")
    kept = {"start": "uniform"} if method == "c2m3" else {}
    assert difference(fuse([net, *moved], method, **kept).state, net.state) < 1e-12


def test_merging_many_never_spreads_the_models():
    nets = [mlp(6, 20, 15, 3, seed=seed) for seed in range(4)]
    history = fusion(nets, "merge-many").history
    assert all(later <= earlier for earlier, later in pairwise(history))
    assert history[-1] < history[0]


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


# -- afterwards -------------------------------------------------------------------------------------------------------


def trained(name="digits-mlp-32"):
    return [load(f"checkpoints/{name}/seed{seed}.safetensors") for seed in (0, 1)]


def test_repair_leaves_a_network_fused_with_its_permuted_self_alone():
    net = trained()[0]
    data = lmc_core.dataset("digits")
    moved = planted(net, symmetry(net, verify=False), seed=1).moved
    fused = fuse([net, moved], data=data, recalibrate="repair")
    assert difference(fused.state, net.state) < 1e-4


@pytest.mark.parametrize("widths", [None, 24])
def test_repair_gives_the_layers_of_the_fused_network_the_deviations_of_its_parents(widths):
    nets, data = trained(), lmc_core.dataset("digits")
    x = torch.as_tensor(data.x_train).flatten(1)

    def deviation(net):
        return float((x @ net.state["fc1.weight"].T + net.state["fc1.bias"]).std(0).mean())

    wanted = np.mean([deviation(net) for net in nets])
    plain, repaired = (fuse(nets, widths=widths, data=data, recalibrate=r) for r in (None, "repair"))
    assert abs(deviation(plain) - wanted) > 0.02 * wanted
    assert abs(deviation(repaired) - wanted) < 0.01 * wanted


def test_a_temperature_lowers_the_training_loss_and_changes_no_prediction():
    nets, data = trained(), lmc_core.dataset("digits")
    plain, warm = (fusion(nets, "wasserstein-barycenter", data=data, temperature=t) for t in (False, True))
    before, after = (measure(result.network, data) for result in (plain, warm))
    assert after["train"]["loss"] < before["train"]["loss"]
    assert after["test"]["accuracy"] == before["test"]["accuracy"]
    ratio = plain.network.state["fc4.weight"] / warm.network.state["fc4.weight"]
    torch.testing.assert_close(ratio, torch.full_like(ratio, warm.temperature))
    assert warm.network.metadata["fusion"]["temperature"] == warm.temperature


def test_batch_norm_statistics_are_estimated_anew():
    net, *_ = member("vgg_bn_flatten")
    fused = fuse([net, net], data=random_data(net), recalibrate="bn-reset")
    assert difference(fused.state, net.state) > 1e-3
    kept = [name for name in net.state if "running" not in name]
    assert difference({n: fused.state[n] for n in kept}, {n: net.state[n] for n in kept}) == 0


def test_fusing_trained_networks_beats_their_average():
    nets, data = trained("digits-mlp-128"), lmc_core.dataset("digits")
    found = {m: measure(fuse(nets, m, data=data), data)["test"]["accuracy"] for m in FUSIONS}
    assert found["vanilla-average"] < 0.9
    assert all(accuracy > 0.95 for name, accuracy in found.items() if name != "vanilla-average"), found


def test_fine_tuning_improves_a_fused_network_and_shows_how():
    nets, data = trained(), lmc_core.dataset("digits")
    fused = fuse(nets, "vanilla-average")
    found = finetune(fused, data, 2)
    assert len(found.curve) == 3
    assert found.curve[0] == measure(fused, data)
    assert found.curve[2] == measure(found.network, data)
    assert found.curve[2]["train"]["loss"] < 0.5 * found.curve[0]["train"]["loss"]
    again = finetune(fused, data, 2)
    assert difference(again.network.state, found.network.state) == 0


# -- errors -----------------------------------------------------------------------------------------------------------


def test_wrong_arguments_are_refused_in_one_sentence():
    net, other, deep = mlp(6, 9, 3), mlp(6, 7, 3), mlp(6, 9, 9, 3)
    wrong = [
        ([net], {}, "two networks or more", SettingError),
        ([net, net], {"method": "alchemy"}, "no fusion method 'alchemy'", SettingError),
        ([net, net], {"weights": (0.5, 0.6)}, "sum to 1", SettingError),
        ([net, net], {"weights": (1.0,)}, "1 weights for 2 networks", SettingError),
        ([net, net], {"weights": (1.5, -0.5)}, "0…1", SettingError),
        ([net, net], {"base": 2}, "base=2", SettingError),
        ([net, net], {"recalibrate": "hope"}, "bn-reset, repair", SettingError),
        ([net, net], {"recalibrate": "repair"}, "needs data", DataError),
        ([net, net], {"method": "zipit"}, "needs data", DataError),
        ([net, net], {"compare": "activations"}, "needs data", DataError),
        ([net, other], {"method": "c2m3"}, "equal widths", MismatchError),
        ([net, other], {"method": "vanilla-average"}, "equal widths", MismatchError),
        ([net, deep], {}, r"'4\.weight'", MismatchError),
        ([other, net], {"start": "identity", "base": 1}, "distill", SettingError),
    ]
    for nets, arguments, words, kind in wrong:
        with pytest.raises(kind, match=words):
            fuse(nets, **arguments)


def test_fusing_stops_when_its_report_says_so():
    def stop(stage, done, total):
        if stage.startswith("fusing"):
            raise Cancelled("stop")

    net = mlp(6, 9, 3)
    with pytest.raises(Cancelled):
        fuse([net, net], report=stop)


def test_parents_are_left_as_they_are():
    nets = [mlp(6, 9, 8, 3, seed=seed) for seed in range(2)]
    before = [{name: x.clone() for name, x in net.state.items()} for net in nets]
    for method in FUSIONS:
        fuse(nets, method, data=random_data(nets[0]))
    for net, state in zip(nets, before, strict=True):
        assert difference(net.state, state) == 0
        assert replace(net).fingerprint == net.with_state(state).fingerprint


# -- on the command line ----------------------------------------------------------------------------------------------

A, B = (f"checkpoints/digits-mlp-32/seed{seed}.safetensors" for seed in (0, 1))


def test_the_command_fuses_measures_fine_tunes_and_writes(capsys, tmp_path):
    out = tmp_path / "fused.safetensors"
    words = [A, B, "--widths", "fc1=40,fc2=32,fc3=24", "--weights", ".25,.75", "--finetune", "1", "--temperature"]
    assert main(["fuse", *words, "--solver", "emd", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["groups"] == {"fc1": 40, "fc2": 32, "fc3": 24}
    assert found["weights"] == [0.25, 0.75]
    assert len(found["parents"]) == 2
    assert all(parent["test"]["accuracy"] > 0.9 for parent in found["parents"])
    assert len(found["curve"]) == 2
    assert found["accuracy"] == found["curve"][-1]["test"]["accuracy"]
    written = load(out)
    assert measure(written, lmc_core.dataset("digits"))["test"]["accuracy"] == found["accuracy"]
    assert written.fingerprint == found["fingerprint"]
    assert main(["fuse", A, B, "--method", "ot-fusion"]) == 0
    text = capsys.readouterr().out
    assert "OT fusion" in text
    assert "digits-mlp-32/seed1" in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([A], "two networks or more"),
        ([A, B, "--method", "alchemy"], "no fusion method 'alchemy'"),
        ([A, B, "--weights", "a,b"], "--weights 'a,b'"),
        ([A, B, "--widths", "wide"], "--widths 'wide'"),
        ([A, B, "--epsilon", "0"], "epsilon"),
        ([A, B, "--finetune", "-1"], "--finetune -1"),
        ([A, "checkpoints/digits-lstm/seed0.safetensors"], "tensor 'fc2.weight'"),
    ],
)
def test_the_command_refuses_wrong_arguments_in_one_line(words, reason, capsys):
    assert main(["fuse", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert reason in captured.err


def test_every_setting_of_every_fusion_method_is_an_option(capsys):
    assert main(["fuse", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for method in FUSIONS.values():
        for parameter in method.parameters:
            assert f"--{parameter.name} " in text
