"""Partial zips: a trunk up to a chosen group, and behind it the layers of every model, on any traced network."""

from functools import cache

import pytest
import torch
from planted import planted, random_data
from zoo import ZOO

import lmc_core
from lmc_core.errors import DataError, SettingError
from lmc_core.fusion.fuse import fuse, fusion
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.symmetry.infer import symmetry
from lmc_core.training.finetune import measure

CHAINS = {"mlp": "layer.3", "vgg_bn_flatten": "layer.9", "densenet_cat": "c", "unet_cat_skip": "mix", "lstm2": "rnn.l1"}
"""Networks in which nothing but the output layer follows one group, and that group."""
WITHIN = {"resnet_bn": "blocks.2.conv2", "gpt_tied_sdpa": "blocks.0.up", "vit_nn_encoder": "encoder.layers.0.linear1"}
"""Networks parted in the middle, where a residual stream is handed on."""


@cache
def member(name):
    """A zoo network in float64, another one near it, and a permuted copy."""
    module, inputs = ZOO[name]()
    net = network(module.double(), inputs)
    generator = torch.Generator().manual_seed(1)
    parameters = dict(net.module.named_parameters())
    state = {
        k: x + 0.3 * torch.randn(x.shape, generator=generator, dtype=x.dtype) if k in parameters else x
        for k, x in net.state.items()
    }
    return net, net.with_state(state), planted(net, symmetry(net, verify=False), seed=3).moved


@pytest.mark.parametrize("name", ["mlp", "lstm2", "gpt_tied_sdpa"])
def test_models_that_part_at_the_input_answer_as_they_did(name):
    net, other, _ = member(name)
    x = net.example_inputs[0]
    result = fusion([net, other], "zipit", data=random_data(net), after="input", heads="apart")
    torch.testing.assert_close(result.network(x), torch.stack([net(x), other(x)], 1), rtol=0, atol=0)
    assert result.function_errors == (0.0, 0.0)


@pytest.mark.parametrize(("name", "last"), CHAINS.items())
def test_parting_behind_the_last_group_is_the_full_zip(name, last):
    net, other, _ = member(name)
    x = net.example_inputs[0]
    shares = {"data": random_data(net), "weights": (0.3, 0.7)}
    full, late = (fuse([net, other], "zipit", after=after, **shares)(x) for after in ("", last))
    torch.testing.assert_close(late, full, rtol=1e-12, atol=1e-14)
    assert float((full - net(x)).abs().max()) > 1e-3


@pytest.mark.parametrize(("name", "after"), [*CHAINS.items(), *WITHIN.items()])
def test_a_network_and_its_permuted_self_share_a_trunk_without_loss(name, after):
    net, _, moved = member(name)
    x = net.example_inputs[0]
    result = fusion([net, moved], "zipit", data=random_data(net), after=after, within=0.0, heads="apart")
    assert max(result.function_errors) < 1e-12
    for head in result.network(x).unbind(1):
        torch.testing.assert_close(head, net(x), rtol=1e-10, atol=1e-12)
    trunk = [k for k in result.network.state if k.startswith("trunk.")]
    assert trunk
    assert result.network.parameters < net.parameters + moved.parameters


def test_each_head_is_the_layers_of_its_model_behind_the_trunk():
    net, other, _ = member("mlp")
    result = fusion([net, other], "zipit", data=random_data(net), after="layer.1", heads="apart")
    state = result.network.state
    for number, model in enumerate((net, other)):
        for layer in (3, 5):
            for part in ("weight", "bias"):
                assert torch.equal(state[f"head{number}.{layer}.{part}"], model.state[f"{layer}.{part}"])
    assert state["trunk.1.weight"].shape == net.state["1.weight"].shape
    x = net.example_inputs[0]
    outputs = result.network(x)
    for number, alone in enumerate(result.carried):
        torch.testing.assert_close(alone(x), outputs[:, number])


def test_a_wider_trunk_is_merged_less():
    nets = [load(f"checkpoints/digits-mlp-32/seed{seed}.safetensors") for seed in (0, 1)]
    data = lmc_core.dataset("digits")
    wide = fusion(nets, "zipit", data=data, after="fc1", widths={"fc1": 64})
    assert max(wide.function_errors) < 1e-5
    narrow = fusion(nets, "zipit", data=data, after="fc1")
    assert max(narrow.function_errors) > 1e-2


def test_a_partly_zipped_network_is_measured_exported_and_read_again(tmp_path):
    nets = [load(f"checkpoints/digits-cnn/seed{seed}.safetensors") for seed in (0, 1)]
    data = lmc_core.dataset("digits")
    part = fuse(nets, "zipit", data=data, after="conv1")
    full = fuse(nets, "zipit", data=data)
    assert measure(part, data)["test"]["accuracy"] > max(0.9, measure(full, data)["test"]["accuracy"] - 0.01)
    part.export(tmp_path / "part.pt2")
    x = nets[0].prepare(torch.as_tensor(data.x_test[:5]))
    torch.testing.assert_close(load(tmp_path / "part.pt2")(x), part(x))
    assert symmetry(part).error < 1e-4


def test_places_where_no_network_can_part_are_named():
    net, other, _ = member("mlp")
    data = random_data(net)
    with pytest.raises(SettingError, match=r"cannot part after 'fc9'; choose input, layer.1, layer.3"):
        fuse([net, other], "zipit", data=data, after="fc9")
    with pytest.raises(SettingError, match="REPAIR"):
        fuse([net, other], "zipit", data=data, after="layer.1", recalibrate="repair")
    parents = [load(f"checkpoints/digits-cnn/seed{seed}.safetensors") for seed in (0, 1)]
    digits = lmc_core.dataset("digits")
    with pytest.raises(DataError, match="does not fit targets"):
        measure(fuse(parents, "zipit", data=digits, after="conv1", heads="apart"), digits)
    lstm, moved, _ = member("lstm2")
    with pytest.raises(SettingError, match=r"one operation: part after 'rnn.l1'"):
        fuse([lstm, moved], "zipit", data=random_data(lstm), after="rnn.l0")
