"""Laws of every fusion: seeds decide, marginals hold, widths and functions are kept, errors are sentences."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fusing import copies, doubled, mlp, named, trained
from planted import difference, planted, random_data

import lmc_core
from lmc_core.errors import Cancelled, DataError, MismatchError, SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.fuse import fuse, fusion
from lmc_core.networks.checkpoint import load
from lmc_core.symmetry.infer import symmetry
from lmc_core.training.finetune import measure

ALIGNING = [name for name in FUSIONS if name != "vanilla-average"]


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
        net, _, (moved, _) = copies(name)
        fused = fuse([net, moved], method, compare=compare, data=random_data(net))
        assert difference(fused.state, net.state) < 1e-12


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


def test_fusing_trained_networks_beats_their_average():
    nets, data = trained("digits-mlp-128"), lmc_core.dataset("digits")
    found = {m: measure(fuse(nets, m, data=data), data)["test"]["accuracy"] for m in FUSIONS}
    assert found["vanilla-average"] < 0.9
    assert all(accuracy > 0.95 for name, accuracy in found.items() if name != "vanilla-average"), found


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
