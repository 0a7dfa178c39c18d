"""The architectures: options as JSON, and agreement with torch's own modules and with the papers' definitions."""

import json
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lmc_core.errors import SettingError
from lmc_core.networks.families import FAMILIES, architecture, build, example_inputs
from lmc_core.networks.values import Architecture

EXAMPLES = {
    "mlp": ("mlp", {"widths": [12, 9, 7, 5], "input_shape": [3, 4]}),
    "mlp with norms, no biases": ("mlp", {"widths": [12, 9, 7, 5], "bias": False, "norm": "bn", "activation": "tanh"}),
    "cnn": ("cnn", {"stages": [[4], [6, 6]], "hidden": [8], "input_shape": [1, 8, 8], "kernel": [5, 3, 3]}),
    "vgg": ("cnn", {"stages": [[4, 4], [8, 8]], "norm": "bn", "head": "mean", "input_shape": [3, 8, 8]}),
    "adaptive": ("cnn", {"stages": [[4]], "head_size": 2, "input_shape": [3, 12, 12], "pool": "avg"}),
    "resnet A": ("resnet", {"blocks": [1, 1, 1], "widths": [4, 8, 16], "shortcut": "A", "input_shape": [3, 12, 12]}),
    "resnet B, channel norm": ("resnet", {"blocks": [2, 1], "widths": [4, 6], "norm": "ln", "input_shape": [3, 8, 8]}),
    "bottleneck": (
        "resnet",
        {
            "blocks": [1, 2],
            "widths": [4, 8],
            "block": "bottleneck",
            "groups": 2,
            "stem_kernel": 7,
            "stem": 6,
            "norm": "gn",
            "input_shape": [3, 32, 32],
        },
    ),
    "lstm": ("recurrent", {"features": 5, "hidden": 6, "steps": 4}),
    "gru on tokens": (
        "recurrent",
        {"features": 5, "hidden": 6, "steps": 4, "cell": "gru", "layers": 2, "bidirectional": True, "vocabulary": 9},
    ),
    "vit": ("transformer", {"width": 8, "heads": 2, "patch": 4, "input_shape": [1, 8, 8]}),
    "encoder of tokens": (
        "transformer",
        {
            "width": 8,
            "heads": 4,
            "input": "tokens",
            "vocabulary": 11,
            "input_shape": [6],
            "qkv": "separate",
            "norm_first": False,
            "final_norm": "none",
            "token": "mean",
            "flat_positions": True,
        },
    ),
    "gpt": ("gpt", {"width": 8, "heads": 2, "vocabulary": 11, "input_shape": [6]}),
    "gpt with all biases, three matrices": (
        "gpt",
        {
            "width": 8,
            "depth": 1,
            "vocabulary": 11,
            "input_shape": [6],
            "head_bias": True,
            "qkv": "separate",
            "flat_positions": False,
        },
    ),
}
"""Name → family and options of a classifier, or of a language model, whose logits are of every position."""


@pytest.fixture(params=EXAMPLES, ids=str)
def made(request) -> Architecture:
    family, options = EXAMPLES[request.param]
    return architecture(family, **options)


def test_each_row_of_a_batch_is_computed_alone(made):
    module = build(made).eval().double()
    inputs = tuple(x.double() if x.is_floating_point() else x for x in example_inputs(made, batch=3))
    with torch.no_grad():
        together, alone = module(*inputs), module(*(x[1:2] for x in inputs))
    assert together.ndim == 2 + (made.family == "gpt")
    assert len(together) == 3
    torch.testing.assert_close(together[1:2], alone, rtol=1e-10, atol=1e-10)


def test_options_come_back_from_json_and_build_the_same_shapes(made):
    again = architecture(made.family, **json.loads(json.dumps(dict(made.options))))
    assert again == made
    first, second = build(made).state_dict(), build(again).state_dict()
    assert {k: v.shape for k, v in first.items()} == {k: v.shape for k, v in second.items()}


def test_an_example_batch_is_always_the_same(made):
    assert torch.equal(example_inputs(made)[0], example_inputs(made)[0])


def test_words_of_a_command_line_mean_the_same_as_json():
    words = architecture("cnn", stages="[[4], [6, 6]]", input_shape="1x8x8", hidden="8,7", bias="no", classes="3")
    values = architecture("cnn", stages=[[4], [6, 6]], input_shape=[1, 8, 8], hidden=[8, 7], bias=False, classes=3)
    assert words == values


def test_every_option_of_every_family_is_explained():
    for family in FAMILIES.values():
        assert family.options.__doc__
        for option in fields(family.options):
            assert len(option.metadata["help"]) > 5, (family.name, option.name)


@pytest.mark.parametrize(
    ("family", "options", "said"),
    [
        ("perceptron", {}, "no architecture family 'perceptron'"),
        ("mlp", {}, "needs widths"),
        ("mlp", {"widths": [4, 3], "depth": 2}, "the architecture has no option 'depth'; it has widths"),
        ("mlp", {"widths": "many"}, "widths='many' is not a list"),
        ("mlp", {"widths": [4, 3], "activation": "maxout"}, "not one of relu"),
        ("recurrent", {"features": 2.5}, "features=2.5 is not a whole number"),
        ("recurrent", {"features": 2, "bias": "perhaps"}, "not true or false"),
        ("resnet", {"blocks": [3, 0]}, r"blocks=\[3, 0\] is not a list, each of it a whole number from 1 to 2048"),
        ("cnn", {"stages": "[[4, "}, "not a list of lists"),
    ],
)
def test_wrong_options_are_named(family, options, said):
    with pytest.raises(SettingError, match=said):
        architecture(family, **options)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("mlp", {"widths": [4]}),
        ("mlp", {"widths": [4, 3], "input_shape": [3]}),
        ("mlp", {"widths": [4, 3, 2], "bias": [True, False, True]}),
        ("cnn", {"stages": [[4], [4]], "input_shape": [1, 2, 2]}),
        ("cnn", {"stages": [[4], [4]], "kernel": [3, 3, 3]}),
        ("cnn", {"stages": [[4]], "norm": "gn", "norm_groups": 3}),
        ("resnet", {"blocks": [1, 1], "widths": [4]}),
        ("resnet", {"blocks": [1, 1], "widths": [8, 4], "shortcut": "A"}),
        ("transformer", {"width": 6, "heads": 4}),
        ("transformer", {"width": 8, "depth": 10**9}),
        ("transformer", {"width": 8, "heads": 0}),
        ("recurrent", {"features": -3}),
        ("transformer", {"width": 8, "patch": 5}),
        ("transformer", {"width": 8, "input": "tokens", "input_shape": [4]}),
        ("gpt", {"width": 6, "heads": 4}),
        ("gpt", {"width": 8, "input_shape": [4, 4]}),
        ("gpt", {"width": 8, "vocabulary": 0}),
    ],
)
def test_options_that_contradict_each_other_are_refused(family, options):
    with pytest.raises(SettingError):
        build(architecture(family, **options))


def test_an_example_too_large_for_memory_is_refused():
    with pytest.raises(SettingError, match="at most 16777216"):
        example_inputs(architecture("resnet", input_shape=[3, 100_000, 100_000]))


@pytest.mark.parametrize("n", [1, 3, 5, 7, 9])
def test_a_cifar_resnet_has_6n_plus_2_layers(n):
    module = build(architecture("resnet", blocks=[n] * 3, widths=[4, 8, 16], shortcut="A"))
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in module.modules()) == 6 * n + 2


@pytest.mark.parametrize(("shortcut", "before", "after"), [("A", 2, 2), ("A-end", 0, 4)])
def test_shortcut_a_takes_every_other_pixel_and_adds_zero_channels(shortcut, before, after):
    made = architecture("resnet", blocks=[1, 1], widths=[4, 8], shortcut=shortcut, norm="none", input_shape=[4, 6, 6])
    block = build(made).get_submodule("layer2.0")
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(2, 4, 6, 6)
    zeros = [torch.zeros(2, count, 3, 3) for count in (before, after)]
    assert torch.equal(block(x), torch.cat([zeros[0], x[:, :, ::2, ::2], zeros[1]], 1))


def test_channel_norm_is_layer_norm_of_the_channels_last_view():
    module = build(architecture("resnet", blocks=[1], widths=[6], norm="ln")).double()
    nn.init.normal_(module.bn1.weight)
    x = torch.randn(2, 6, 4, 4, dtype=torch.float64)
    weight, bias = module.bn1.weight, module.bn1.bias
    expected = torch.stack([F.layer_norm(row.T, (6,), weight, bias).T for row in x.flatten(2)]).reshape(x.shape)
    torch.testing.assert_close(module.bn1(x), expected)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("qkv", ["packed", "separate"])
def test_a_block_computes_what_torch_computes(norm_first, qkv):
    ours = build(architecture("transformer", width=8, heads=2, depth=1, feedforward=12, norm_first=norm_first, qkv=qkv))
    block = ours.blocks[0].double().eval()
    theirs = nn.TransformerEncoderLayer(8, 2, 12, 0.0, "gelu", norm_first=norm_first, batch_first=True).double().eval()
    state = block.state_dict()
    if qkv == "separate":
        packed = {
            f"attn.qkv.{kind}": torch.cat([state[f"attn.{n}.{kind}"] for n in "qkv"]) for kind in ("weight", "bias")
        }
        state = packed | state
    pairs = {
        "self_attn.in_proj_weight": "attn.qkv.weight",
        "self_attn.in_proj_bias": "attn.qkv.bias",
        "self_attn.out_proj.weight": "attn.proj.weight",
        "self_attn.out_proj.bias": "attn.proj.bias",
    } | {
        f"{theirs_}.{kind}": f"{ours_}.{kind}"
        for theirs_, ours_ in [("linear1", "mlp.fc1"), ("linear2", "mlp.fc2"), ("norm1", "norm1"), ("norm2", "norm2")]
        for kind in ("weight", "bias")
    }
    theirs.load_state_dict({name: state[own] for name, own in pairs.items()})
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(block(x), theirs(x))


def test_a_language_model_tells_nothing_from_later_tokens():
    """Law: logits up to a position are the same whatever comes after it, and change with what stands there."""
    module = build(architecture("gpt", width=8, vocabulary=11, input_shape=[6])).double().eval()
    x = torch.tensor([[1, 2, 3, 4, 5, 6]])
    with torch.no_grad():
        for at in range(6):
            other = x.clone()
            other[:, at:] = 10 - other[:, at:]
            change = (module(other) - module(x)).abs().amax((0, 2))
            assert torch.equal(change[:at], torch.zeros(at))
            assert change[at] > 0 or at == 4  # 5 stays 5


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_final_state_of_both_directions_is_torchs_last_hidden_state(cell):
    options = {"features": 3, "hidden": 4, "steps": 6, "cell": cell, "bidirectional": True, "layers": 2}
    module = build(architecture("recurrent", read="final", **options)).double()
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    _, hidden = module.rnn(x)
    hidden = hidden[0] if cell == "lstm" else hidden
    with torch.no_grad():
        torch.testing.assert_close(module(x), module.fc1(torch.cat([hidden[-2], hidden[-1]], 1)))


def test_an_image_network_takes_flat_images_too():
    module = build(architecture("cnn", stages=[[4]], input_shape=[1, 8, 8])).eval()
    x = torch.rand(2, 64)
    assert torch.equal(module(x), module(x.reshape(2, 1, 8, 8)))
