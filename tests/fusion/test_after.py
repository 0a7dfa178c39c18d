"""After fusing: REPAIR, statistics of BatchNorm, a temperature, fine-tuning."""

import numpy as np
import pytest
import torch
from fusing import copies, trained
from planted import difference, planted, random_data

import lmc_core
from lmc_core.fusion.fuse import fuse, fusion
from lmc_core.symmetry.infer import symmetry
from lmc_core.training.finetune import finetune, measure


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
    net, *_ = copies("vgg_bn_flatten")
    fused = fuse([net, net], data=random_data(net), recalibrate="bn-reset")
    assert difference(fused.state, net.state) > 1e-3
    kept = [name for name in net.state if "running" not in name]
    assert difference({n: fused.state[n] for n in kept}, {n: net.state[n] for n in kept}) == 0


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
