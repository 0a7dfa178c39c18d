"""Architectures recognised by shape: what other people's modules compute, ours compute with their numbers."""

import random
import zipfile
from collections import OrderedDict
from dataclasses import fields

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lmc_core.alignment.problem import check_data
from lmc_core.data.dataset import Dataset
from lmc_core.errors import CheckpointError, DataError, RecogniseError, SettingError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import FAMILIES, architecture, build, example_inputs
from lmc_core.networks.families.recognise import recognise
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath


def randomised(module: nn.Module) -> nn.Module:
    """float64, with norms, running statistics and positions that are not what they start as."""
    generator = torch.Generator().manual_seed(0)
    module = module.double().eval()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and (tensor.ndim == 1 or not tensor.any()):
            noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
            tensor.copy_(0.5 + noise if "var" in name or "weight" in name else noise - 0.5)
    return module


def shapes_of(state) -> dict[str, tuple[int, ...]]:
    return {k: tuple(t.shape) for k, t in state.items() if t.is_floating_point()}


def assert_same_function(state, theirs, x=None, **given):
    """Our module with the numbers of `state` computes `theirs(x)`; returns what was recognised."""
    found = recognise(shapes_of(state), given=given)
    ours = build(found.architecture).double().eval()
    renamed = {own: state[name] for name, own in found.renames.items()}
    missing, unexpected = ours.load_state_dict(renamed, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    if x is None:
        x = example_inputs(found.architecture)[0]
        x = x.double() if x.is_floating_point() else x
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-9, atol=1e-9)
    return found


# Foreign names and orders for the state of our own modules.


def by_number(state):
    """t0.weight, t0.bias, t1.weight …: nothing but which tensors are of one layer."""
    layers: dict[str, int] = {}
    return {
        f"t{layers.setdefault(k.rpartition('.')[0], len(layers))}.{k.rpartition('.')[2]}": t for k, t in state.items()
    }


def by_name(state):
    """Sorted, as safetensors files are."""
    return dict(sorted(state.items()))


def shouting(state):
    """Other words for the same thing."""
    words = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    norms = {k.rpartition(".")[0] for k in state if k.endswith("running_mean")}
    return {
        f"model.{k.rpartition('.')[0]}.{words[k.rpartition('.')[2]]}"
        if k.rpartition(".")[0] in norms
        else f"model.{k}": t
        for k, t in state.items()
    }


def nameless(state):
    """One word per tensor; only torch's order is left."""
    return {f"tensor-{chr(97 + i // 26)}{chr(97 + i % 26)}": t for i, t in enumerate(state.values())}


def as_is(state):
    return dict(state)


CONV_NAMES = [as_is, by_number, by_name, shouting, nameless]
CASES = {
    "mlp": ("mlp", {"widths": [12, 9, 7, 7, 5]}, CONV_NAMES),
    "mlp without biases": ("mlp", {"widths": [12, 9, 9, 9, 5], "bias": False}, CONV_NAMES),
    "mlp, last layer with a bias": ("mlp", {"widths": [12, 9, 5], "bias": [False, True]}, CONV_NAMES),
    "mlp with batch norm": ("mlp", {"widths": [12, 9, 9, 5], "norm": "bn"}, CONV_NAMES),
    "mlp with layer norm": ("mlp", {"widths": [12, 9, 9, 5], "norm": "ln"}, CONV_NAMES),
    "logistic regression": ("mlp", {"widths": [12, 5]}, CONV_NAMES),
    "cnn": ("cnn", {"stages": [[4], [6]], "hidden": [8], "input_shape": [1, 28, 28]}, CONV_NAMES),
    "cnn of 5×5 kernels": ("cnn", {"stages": [[4], [6]], "kernel": 5, "padding": 0, "hidden": [8]}, CONV_NAMES),
    "vgg": ("cnn", {"stages": [[4], [8], [12, 12], [16, 16], [16, 16]], "classes": 7}, CONV_NAMES),
    "vgg with batch norm": (
        "cnn",
        {"stages": [[4, 4], [8, 8], [12] * 3, [16] * 3, [16] * 3], "norm": "bn", "bias": False},
        CONV_NAMES,
    ),
    "vgg with channel norm": ("cnn", {"stages": [[4], [8], [16, 16]], "norm": "ln", "hidden": [8, 8]}, CONV_NAMES),
    "resnet-8 B": ("resnet", {"blocks": [1, 1, 1], "widths": [4, 8, 16]}, CONV_NAMES),
    "resnet-20 A": ("resnet", {"blocks": [3, 3, 3], "widths": [4, 8, 16], "shortcut": "A"}, CONV_NAMES),
    "resnet-32 LN": ("resnet", {"blocks": [5, 5, 5], "widths": [3, 6, 12], "norm": "ln"}, CONV_NAMES),
    "resnet-44": ("resnet", {"blocks": [7] * 3, "widths": [4, 8, 16], "shortcut": "A"}, CONV_NAMES),
    "resnet-56 without norms": (
        "resnet",
        {"blocks": [9] * 3, "widths": [4, 8, 16], "norm": "none", "bias": True, "shortcut": "A"},
        CONV_NAMES,
    ),
    "resnet-18": (
        "resnet",
        {"blocks": [2] * 4, "widths": [4, 8, 16, 32], "stem_kernel": 7, "classes": 20, "input_shape": [3, 224, 224]},
        CONV_NAMES,
    ),
    "resnet-50": (
        "resnet",
        {
            "blocks": [3, 4, 6, 3],
            "widths": [4, 8, 16, 32],
            "stem_kernel": 7,
            "block": "bottleneck",
            "input_shape": [3, 224, 224],
        },
        CONV_NAMES,
    ),
    "resnext": (
        "resnet",
        {"blocks": [1, 1], "widths": [8, 16], "stem": 6, "block": "bottleneck", "groups": 4, "expansion": 2},
        CONV_NAMES,
    ),
    "lstm": ("recurrent", {"features": 28, "hidden": 6, "layers": 2}, [as_is, by_name, nameless]),
    "lstm, all of one size": ("recurrent", {"features": 6, "steps": 6, "hidden": 6}, [as_is, by_name, nameless]),
    "gru both ways": (
        "recurrent",
        {"features": 8, "steps": 8, "hidden": 6, "cell": "gru", "layers": 2, "bidirectional": True, "fc": [5]},
        [as_is, by_name, nameless],
    ),
    "gru without biases": (
        "recurrent",
        {"features": 8, "steps": 8, "hidden": 6, "cell": "gru", "bias": False, "fc_bias": False},
        [as_is, by_name, nameless],
    ),
    "rnn": ("recurrent", {"features": 8, "steps": 8, "hidden": 6, "cell": "rnn", "layers": 3}, [as_is, by_name]),
    "lstm on words": (
        "recurrent",
        {"features": 5, "steps": 32, "hidden": 6, "vocabulary": 40},
        [as_is, by_name, nameless],
    ),
    "vit": (
        "transformer",
        {"width": 12, "depth": 3, "heads": 4, "eps": 1e-6},
        [as_is, by_name],
    ),
    "vit without a class token": (
        "transformer",
        {"width": 12, "heads": 4, "token": "mean", "feedforward": 20, "qkv_bias": False, "eps": 1e-6},
        [as_is, by_name],
    ),
    "vit with three matrices": ("transformer", {"width": 12, "heads": 4, "qkv": "separate"}, [as_is, by_name]),
    "wide as it is long": ("transformer", {"width": 12, "heads": 4, "feedforward": 12, "eps": 1e-6}, [as_is, by_name]),
    "feed-forward of three widths": (
        "transformer",
        {"width": 12, "heads": 4, "feedforward": 36, "eps": 1e-6},
        [as_is, by_name],
    ),
    "positions of the patches alone": (
        "transformer",
        {"width": 12, "heads": 4, "positions": "patches", "eps": 1e-6},
        [as_is, by_name],
    ),
    "encoder of words": (
        "transformer",
        {
            "width": 12,
            "heads": 4,
            "input": "tokens",
            "vocabulary": 30,
            "input_shape": [9],
            "token": "mean",
            "flat_positions": True,
            "final_norm": "none",
            "norm_first": False,
            "eps": 1e-6,
        },
        [as_is, by_name],
    ),
    "language model": (
        "gpt",
        {"width": 12, "heads": 4, "vocabulary": 30, "input_shape": [9]},
        [as_is, by_name],
    ),
    "language model with all biases": (
        "gpt",
        {
            "width": 12,
            "depth": 3,
            "heads": 4,
            "vocabulary": 9,
            "input_shape": [9],
            "head_bias": True,
            "qkv": "separate",
            "flat_positions": False,
        },
        [as_is, by_name],
    ),
    "language model without biases": (
        "gpt",
        {"width": 12, "heads": 4, "vocabulary": 12, "input_shape": [12], "bias": False, "qkv_bias": False},
        [as_is, by_name],
    ),
    "encoder of steps": (
        "transformer",
        {"width": 12, "heads": 4, "input": "steps", "input_shape": [9, 5], "embed_norm": True, "eps": 1e-6},
        [as_is, by_name],
    ),
}


@pytest.mark.parametrize(("case", "foreign"), [(c, f) for c, (_, _, names) in CASES.items() for f in names])
def test_our_own_networks_are_recognised_under_foreign_names(case, foreign):
    family, options, _ = CASES[case]
    made = architecture(family, **options)
    module = randomised(build(made))
    state = {k: t for k, t in module.state_dict().items() if not k.endswith("num_batches_tracked")}
    found = assert_same_function(foreign(state), module)
    assert found.architecture.family == family
    shared = set(options) - {"padding", "pooled", "stem_stride", "stem_pool"}
    told = {name: found.architecture.options[name] for name in shared}
    assert told == {name: made.options[name] for name in shared}
    tokens = not example_inputs(made)[0].is_floating_point()
    assert ("normalize" in {a.option for a in found.assumptions}) != tokens  # tokens have no scale


def test_layers_in_any_order_are_put_into_a_chain():
    module = randomised(build(architecture("mlp", widths=[12, 9, 8, 7, 5])))
    layers = [f"fc{i}" for i in range(1, 5)]
    random.Random(1).shuffle(layers)
    letters = dict(zip(layers, "abcd", strict=True))
    state = {f"{letters[k[:3]]}.{k[4:]}": t for layer in layers for k, t in module.state_dict().items() if layer in k}
    assert_same_function(state, module)


def test_layers_that_could_be_exchanged_are_an_assumption_with_an_override():
    module = randomised(build(architecture("mlp", widths=[12, 9, 9, 9, 5])))
    names = {"fc1": "input", "fc2": "second", "fc3": "first", "fc4": "output"}
    state = by_name({f"{names[k[:3]]}.{k[4:]}": t for k, t in module.state_dict().items()})
    guessed = recognise(shapes_of(state), given={})
    assert "order" in {a.option for a in guessed.assumptions}
    found = assert_same_function(state, module, order="input,second,first,output")
    assert "order" not in {a.option for a in found.assumptions}


# Modules as other people write them.


class BiasFreeMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 20, bias=False), nn.Linear(20, 16, bias=False)
        self.fc3, self.fc4 = nn.Linear(16, 16, bias=False), nn.Linear(16, 10, bias=False)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc4(F.relu(self.fc3(F.relu(self.fc2(x)))))


class TutorialCNN(nn.Module):
    """Two convolutions without padding and one pooling."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 12, 3)
        self.fc1, self.fc2 = nn.Linear(12 * 12 * 12, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 20), nn.Linear(20, 12), nn.Linear(12, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv2(F.max_pool2d(F.relu(self.conv1(x)), 2))), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class AveragedCNN(nn.Module):
    """Average pooling brings the last map down to 3 × 3, whatever the size of the image."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.fc = nn.Linear(8 * 9, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv2(F.max_pool2d(F.relu(self.conv1(x)), 2))), 2)
        return self.fc(F.adaptive_avg_pool2d(x, 3).flatten(1))


class PadBlock(nn.Module):
    def __init__(self, n, m, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n, m, 3, stride, 1, bias=False), nn.BatchNorm2d(m)
        self.conv2, self.bn2 = nn.Conv2d(m, m, 3, 1, 1, bias=False), nn.BatchNorm2d(m)
        self.stride, self.more = stride, m - n

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return F.relu(y + short)


class ConvBlock(nn.Module):
    """The shortcut is listed first, and norms after all convolutions."""

    def __init__(self, n, m, stride, norm, kernel=1):
        super().__init__()
        self.skip = nn.Conv2d(n, m, kernel, stride, kernel // 2, bias=False) if n != m else nn.Identity()
        self.a, self.b = nn.Conv2d(n, m, 3, stride, 1, bias=False), nn.Conv2d(m, m, 3, 1, 1, bias=False)
        self.norm_skip = norm(m) if n != m else nn.Identity()
        self.norm_a, self.norm_b = norm(m), norm(m)

    def forward(self, x):
        return F.relu(self.norm_skip(self.skip(x)) + self.norm_b(self.b(F.relu(self.norm_a(self.a(x))))))


class ForeignResNet(nn.Module):
    def __init__(self, block, n, widths=(4, 8, 16), **kw):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = kw["norm"](widths[0]) if kw else nn.BatchNorm2d(widths[0])
        blocks, channels = [], widths[0]
        for stage, m in enumerate(widths):
            for i in range(n):
                blocks.append(block(channels, m, 2 if stage and not i else 1, **kw))
                channels = m
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(channels, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.linear(F.avg_pool2d(x, x.shape[-1]).flatten(1))


class Rows(nn.Module):
    def __init__(self, cell, **kw):
        super().__init__()
        self.lstm = cell(28, 6, batch_first=True, **kw)
        self.fc = nn.Linear(12 if kw.get("bidirectional") else 6, 10)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


class TorchViT(nn.Module):
    """Made of torch's own encoder, which normalises after the sums and uses ReLU unless told otherwise."""

    def __init__(self, norm_first):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 8, 8)
        self.cls = nn.Parameter(torch.randn(1, 1, 12))
        self.pos = nn.Parameter(torch.randn(1, 17, 12))
        layer = nn.TransformerEncoderLayer(12, 4, 24, batch_first=True, norm_first=norm_first)
        final = nn.LayerNorm(12) if norm_first else None
        self.encoder = nn.TransformerEncoder(layer, 2, norm=final, enable_nested_tensor=False)
        self.out = nn.Linear(12, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.out(self.encoder(x)[:, 0])


class NamedAttention(nn.Module):
    """Query, key and value apart, norms called before and after."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(12, 12) for _ in range(3))

    def forward(self, x):
        q, k, v = (f(x).unflatten(-1, (4, 3)).transpose(1, 2) for f in (self.query, self.key, self.value))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class NamedBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.ModuleDict(
            {"attention": NamedAttention(), "output": nn.Sequential(OrderedDict(dense=nn.Linear(12, 12)))}
        )
        self.intermediate = nn.Sequential(OrderedDict(dense=nn.Linear(12, 20)))
        self.output = nn.Sequential(OrderedDict(dense=nn.Linear(20, 12)))
        self.layernorm_before, self.layernorm_after = nn.LayerNorm(12), nn.LayerNorm(12)

    def forward(self, x):
        x = x + self.attention["output"](self.attention["attention"](self.layernorm_before(x)))
        return x + self.output(F.gelu(self.intermediate(self.layernorm_after(x))))


class NamedViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.ParameterDict(
            {"cls_token": torch.randn(1, 1, 12), "position_embeddings": torch.randn(1, 17, 12)}
        )
        self.projection = nn.Conv2d(3, 12, 8, 8)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(NamedBlock() for _ in range(2))})
        self.layernorm, self.classifier = nn.LayerNorm(12), nn.Linear(12, 10)

    def forward(self, x):
        x = self.projection(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.embeddings["cls_token"].expand(len(x), -1, -1), x], 1)
        x = x + self.embeddings["position_embeddings"]
        for block in self.encoder["layer"]:
            x = block(x)
        return self.classifier(self.layernorm(x)[:, 0])


def sequential_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


class NanoGPT(nn.Module):
    """Names as in nanoGPT, with a head of its own; positions by a table that the file keeps, or by a parameter."""

    def __init__(self, table: bool):
        super().__init__()
        self.lm_head = nn.Linear(12, 30, bias=False)
        if table:
            self.wpe = nn.Embedding(9, 12)
        else:
            self.pos_emb = nn.Parameter(torch.randn(1, 9, 12))
        self.wte = nn.Embedding(30, 12)
        self.h = nn.ModuleList(
            nn.ModuleDict(
                {
                    "ln_1": nn.LayerNorm(12),
                    "c_attn": nn.Linear(12, 36),
                    "c_proj": nn.Linear(12, 12),
                    "ln_2": nn.LayerNorm(12),
                    "mlp": nn.ModuleDict({"c_fc": nn.Linear(12, 48), "c_proj": nn.Linear(48, 12)}),
                }
            )
            for _ in range(2)
        )
        self.ln_f = nn.LayerNorm(12)

    def forward(self, x):
        x = self.wte(x) + (self.wpe.weight if hasattr(self, "wpe") else self.pos_emb)
        later = torch.ones(9, 9, dtype=torch.bool).triu(1)
        for block in self.h:
            parts = block["c_attn"](block["ln_1"](x)).split(12, 2)
            q, k, v = (part.unflatten(-1, (4, 3)).transpose(1, 2) for part in parts)
            weights = (q @ k.transpose(-1, -2) / 3**0.5).masked_fill(later, -torch.inf).softmax(-1)
            x = x + block["c_proj"]((weights @ v).transpose(1, 2).flatten(2))
            x = x + block["mlp"]["c_proj"](F.gelu(block["mlp"]["c_fc"](block["ln_2"](x))))
        return self.lm_head(self.ln_f(x))


FOREIGN = {
    "bias-free MLP": (BiasFreeMLP, "mlp", {}),
    "numbered Sequential": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 9), nn.Tanh(), nn.Linear(9, 3)),
        "mlp",
        {"activation": "tanh"},
    ),
    "Sequential with norms": (sequential_cnn, "cnn", {}),
    "tutorial CNN": (TutorialCNN, "cnn", {}),
    "LeNet": (LeNet, "cnn", {}),
    "ResNet-20 with padded shortcuts": (lambda: ForeignResNet(PadBlock, 3), "resnet", {}),
    "ResNet with shortcuts first": (lambda: ForeignResNet(ConvBlock, 2, norm=nn.BatchNorm2d), "resnet", {}),
    "ResNet with shortcuts of 3 × 3": (
        lambda: ForeignResNet(ConvBlock, 2, norm=nn.BatchNorm2d, kernel=3),
        "resnet",
        {},
    ),
    "averaged before the head": (lambda: AveragedCNN(), "cnn", {"head_size": "3"}),
    "leaky ReLU, as torch writes it": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.LeakyReLU(), nn.Linear(9, 3)),
        "mlp",
        {"activation": "leaky_relu"},
    ),
    "ResNet with GroupNorm": (
        lambda: ForeignResNet(ConvBlock, 1, norm=lambda m: nn.GroupNorm(2, m)),
        "resnet",
        {"norm": "gn", "norm_groups": "2"},
    ),
    "two-layer LSTM": (lambda: Rows(nn.LSTM, num_layers=2), "recurrent", {}),
    "GRU both ways": (lambda: Rows(nn.GRU, bidirectional=True), "recurrent", {}),
    "RNN without biases": (
        lambda: Rows(nn.RNN, bias=False, nonlinearity="relu"),
        "recurrent",
        {"nonlinearity": "relu"},
    ),
    "torch encoder, norms first": (lambda: TorchViT(True), "transformer", {}),
    "torch encoder, norms last": (lambda: TorchViT(False), "transformer", {}),
    "three matrices by name": (NamedViT, "transformer", {}),
    "language model with a table of positions": (lambda: NanoGPT(True), "gpt", {}),
    "language model with a parameter of positions": (lambda: NanoGPT(False), "gpt", {}),
}


@pytest.mark.parametrize("order", [as_is, by_name])
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_other_peoples_modules_compute_the_same_in_ours(name, order):
    make, family, given = FOREIGN[name]
    module = randomised(make())
    found = assert_same_function(order(module.state_dict()), module, **given)
    assert found.architecture.family == family
    assert not {a.option for a in found.assumptions} & set(given)


def test_a_vgg_knows_where_its_poolings_are():
    state = {}
    channels = 3
    for i, m in enumerate([64] * 2 + [128] * 2 + [256] * 3 + [512] * 6):
        state[f"features.{i}.weight"], state[f"features.{i}.bias"] = (m, channels, 3, 3), (m,)
        channels = m
    cifar = recognise({**state, "classifier.weight": (10, 512), "classifier.bias": (10,)}, given={})
    assert [len(stage) for stage in cifar.architecture.options["stages"]] == [2, 2, 3, 3, 3]
    assert cifar.architecture.options["input_shape"] == [3, 32, 32]
    assert cifar.normalize.mean[0] == 0.4914
    heads = {"c.0.weight": (4096, 25088), "c.0.bias": (4096,), "c.3.weight": (1000, 4096), "c.3.bias": (1000,)}
    large = recognise({**state, **heads}, given={})
    assert large.architecture.options["input_shape"] == [3, 224, 224]
    assert large.normalize.mean[0] == 0.485


def test_every_assumption_names_an_option_and_a_reason():
    for family, options, _ in CASES.values():
        made = architecture(family, **options)
        found = recognise(shapes_of(build(made).state_dict()), given={})
        for assumption in found.assumptions:
            options = {option.name for option in fields(FAMILIES[family].options)}
            known = {*options, "normalize", "family", "order"}
            assert assumption.option in known
            assert len(assumption.why) > 10
            if assumption.option in found.architecture.options and assumption.option != "stem_stride":
                assert found.architecture.options[assumption.option] == assumption.value


def test_an_override_replaces_the_assumption():
    shapes = shapes_of(build(architecture("mlp", widths=[4, 3, 2])).state_dict())
    found = recognise(shapes, given={"activation": "gelu"})
    assert found.architecture.options["activation"] == "gelu"
    assert [a.option for a in found.assumptions] == ["normalize"]
    with pytest.raises(SettingError, match="has no option 'pool'"):
        recognise(shapes, given={"pool": "avg"})


def test_a_language_model_can_be_read_as_a_classifier_of_sequences_where_somebody_says_so():
    shapes = shapes_of(build(architecture("gpt", width=12, vocabulary=30, input_shape=[9])).state_dict())
    found = recognise(shapes, given={})
    assert found.architecture.family == "gpt"
    assert "family" in {a.option for a in found.assumptions}
    with pytest.raises(RecogniseError, match="some linear layers have biases and some have not"):
        recognise(shapes, given={"family": "transformer"})
    whole = shapes | {"head.bias": (30,)}
    assert recognise(whole, given={"family": "transformer"}).architecture.options["classes"] == 30
    fewer = whole | {"head.weight": (5, 12), "head.bias": (5,)}
    assert recognise(fewer, given={}).architecture.family == "transformer"


def test_a_family_can_be_forced():
    shapes = shapes_of(build(architecture("resnet", blocks=[1, 1], widths=[4, 8], shortcut="A")).state_dict())
    assert recognise(shapes, given={}).architecture.family == "resnet"
    assert recognise(shapes, given={"family": "cnn"}).architecture.family == "cnn"
    with pytest.raises(RecogniseError, match="not a recurrent classifier"):
        recognise(shapes, given={"family": "recurrent"})
    with pytest.raises(SettingError, match="mlp, cnn, resnet"):
        recognise(shapes, given={"family": "unet"})


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({"a.weight": (20, 10), "b.weight": (40, 30)}, "linear layers do not form a chain"),
        ({"a.weight": (4, 3, 5), "a.bias": (4,), "fc.weight": (2, 4)}, r"'a.weight' of shape \(4, 3, 5\)"),
        ({"c.weight": (8, 1, 3, 3), "fc.weight": (10, 8 * 61)}, "no usual image size and pooling"),
        ({"c.weight": (8, 1, 3, 3), "fc.weight": (10, 31)}, "not a multiple of 8 channels"),
        ({"c.weight": (8, 1, 3, 3)}, "no linear layer"),
        ({"lstm.weight_ih_l0": (24, 8), "fc.weight": (10, 6)}, "a matrix is missing"),
        ({"lstm.weight_ih_l0": (24, 8), "lstm.weight_hh_l0": (24, 6), "fc.weight": (10, 7)}, "recurrent"),
        ({"blocks.0.attn.qkv.weight": (36, 12), "head.weight": (10, 12)}, "not equal blocks"),
        ({"bias": (3,)}, "was not recognised"),
        ({}, "was not recognised"),
    ],
)
def test_what_is_not_recognised_is_described_with_a_way_out(shapes, said):
    with pytest.raises(RecogniseError, match=said) as caught:
        recognise(shapes, given={})
    assert "export the model to .pt2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_tensors_are_refused():
    with pytest.raises(RecogniseError, match=r"tensor 'c.weight' of shape \(0, 1, 3, 3\) is empty"):
        recognise({"c.weight": (0, 1, 3, 3), "fc.weight": (10, 4)}, given={})


def test_a_hostile_number_of_layers_is_answered_in_seconds():
    blocks = {f"b{i}.weight": (4, 4, 3, 3) if i % 5 else (4, 4, 1, 1) for i in range(3000)}
    with pytest.raises(RecogniseError):
        recognise({"stem.weight": (4, 3, 3, 3), **blocks, "fc.weight": (9, 5)}, given={})
    with pytest.raises(RecogniseError):
        recognise({f"l{i}.weight": (4 + i % 2, 4) for i in range(3000)}, given={})
    numbers = {f"{'9' * 5000}.{i}.weight": (4, 4) for i in range(20)}
    assert recognise(numbers, given={}).architecture.family == "mlp"


class PreBlock(nn.Module):
    """Norms and activations before the convolutions of a block, as people write them.

    shortcut   name of the convolution beside, or "" for zero channels; `normed` as a norm after it, `raw` if it reads
               the block's input
    """

    def __init__(self, inputs, outputs, stride, shortcut, normed, raw, bottleneck):
        super().__init__()
        width = outputs // 2 if bottleneck else outputs
        shapes = [(width, 1), (width, 3), (outputs, 1)] if bottleneck else [(width, 3), (outputs, 3)]
        for i, (channels, kernel) in enumerate(shapes, 1):
            n = inputs if i == 1 else width
            step = stride if kernel == 3 and i == (2 if bottleneck else 1) else 1
            self.add_module(f"bn{i}", nn.BatchNorm2d(n))
            self.add_module(f"conv{i}", nn.Conv2d(n, channels, kernel, step, kernel // 2, bias=False))
        self.depth, self.raw, self.extra, self.stride = len(shapes), raw, outputs - inputs, stride
        self.beside = shortcut if self.extra else ""
        if self.beside:
            made = [nn.Conv2d(inputs, outputs, 1, stride, bias=False)]
            self.add_module(shortcut, nn.Sequential(*made, *([nn.BatchNorm2d(outputs)] if normed else [])))

    def forward(self, x):
        y = first = F.relu(self.bn1(x))
        for i in range(1, self.depth + 1):
            y = F.relu(self.get_submodule(f"bn{i}")(y)) if i > 1 else y
            y = self.get_submodule(f"conv{i}")(y)
        if self.beside:
            return y + self.get_submodule(self.beside)(x if self.raw else first)
        side = self.extra // 2
        return y + (F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, side, side)) if self.extra else x)


class PreNet(nn.Module):
    """A residual network of such blocks; `final` names the norm before the mean, "" = there is none."""

    def __init__(
        self, blocks=2, shortcut="shortcut", normed=False, raw=False, final="bn", stages="layer", bottleneck=False
    ):
        super().__init__()
        self.conv1, channels = nn.Conv2d(3, 4, 3, padding=1, bias=False), 4
        self.names = []
        for stage, width in enumerate((4, 8, 16), 1):
            made = []
            for place in range(blocks):
                stride = 2 if stage > 1 and place == 0 else 1
                made.append(PreBlock(channels, width, stride, shortcut, normed, raw, bottleneck))
                channels = width
            self.names.append(f"{stages}{stage}")
            self.add_module(self.names[-1], nn.Sequential(*made))
        self.final = final
        if final:
            self.add_module(final, nn.BatchNorm2d(16))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.conv1(x)
        for name in self.names:
            x = self.get_submodule(name)(x)
        x = F.relu(self.get_submodule(self.final)(x)) if self.final else x
        return self.fc(x.mean((2, 3)))


PRE = {
    "plain shortcuts": {},
    "normed shortcuts": {"normed": True},
    "zero channels": {"shortcut": ""},
    "no norm at the end": {"final": ""},
    "no norm at the end, normed shortcuts": {"final": "", "normed": True},
    "a shortcut that reads the input": {"raw": True, "shortcut": "downsample"},
    "wide, four blocks a stage": {"blocks": 4, "shortcut": "convShortcut", "stages": "group", "final": "norm"},
    "bottleneck": {"bottleneck": True, "shortcut": "downsample"},
    "one block a stage": {"blocks": 1, "normed": True},
}


@pytest.mark.parametrize("order", [as_is, by_name])
@pytest.mark.parametrize("kind", PRE)
def test_a_residual_network_that_norms_first_is_read_as_what_it_is(kind, order):
    theirs = randomised(PreNet(**PRE[kind]))
    given = {"shortcut_reads": "input"} if PRE[kind].get("raw") else {}
    found = assert_same_function(order(theirs.state_dict()), theirs, **given)
    assert found.architecture.options["norm_first"] is True
    guesses = {assumption.option: assumption.others for assumption in found.assumptions}
    assert "norm_first" not in guesses
    assert ("shortcut_reads" in guesses) == (PRE[kind].get("shortcut") != "" and not given)


@pytest.mark.parametrize("names", ["layer", "body_stage"])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_norms_after_their_convolutions_are_never_read_as_norms_before_them(blocks, names):
    state = build(architecture("resnet", blocks=(blocks,) * 3, widths=(4, 8, 16))).state_dict()
    found = recognise({k.replace("layer", names): tuple(t.shape) for k, t in state.items() if t.ndim}, given={})
    assert "norm_first" not in found.architecture.options
    assert "norm_first" not in {assumption.option for assumption in found.assumptions}


def test_where_names_do_not_say_on_which_side_norms_stand_it_is_an_assumption():
    shapes = shapes_of(build(architecture("resnet", blocks=[2, 2], widths=[4, 8])).state_dict())
    nameless = {f"{number:03}": shape for number, shape in enumerate(shapes.values()) if shape}
    found = recognise(nameless, given={})
    assert [a.why for a in found.assumptions if a.option == "norm_first"]
    first = shapes_of(PreNet(normed=True).state_dict())
    layers = {name: name.replace(".", "_").replace("layer", "l") for name in first}
    asked = recognise({layers[name]: shape for name, shape in first.items()}, given={"norm_first": "yes"})
    assert asked.architecture.options["norm_first"] is True


def test_networks_saved_before_an_option_was_added_are_of_one_architecture_with_those_saved_after():
    assert "norm_first" not in architecture("resnet", blocks=[1], widths=[4]).options
    assert architecture("resnet", blocks=[1], widths=[4], norm_first=True).options["norm_first"] is True


def test_a_recurrence_is_never_read_as_a_multilayer_perceptron_unasked():
    """A plain RNN over characters has one matrix after the other, as an MLP has."""
    named = {"W_xh": (16, 27), "W_hh": (16, 16), "W_hy": (27, 16)}
    assert recognise(named, given={}).architecture.family == "recurrent"
    odd = {"rnn.0.weight": (16, 27), "rnn.0.bias": (16,), "rnn.1.weight": (27, 16), "rnn.1.bias": (27,)}
    with pytest.raises(RecogniseError, match="not a recurrent classifier"):
        recognise(odd, given={})
    assert recognise(odd, given={"family": "mlp"}).architecture.family == "mlp"


def test_a_lenet_of_smaller_images_names_the_option_that_mends_it_and_is_mended_by_it(tmp_path):
    made = architecture("cnn", stages=[[6], [16]], hidden=[20], kernel=[5], padding=[2, 0], input_shape=[1, 28, 28])
    module = randomised(build(made)).float()
    torch.save(module.state_dict(), tmp_path / "lenet.pth")
    x = np.random.default_rng(0).random((4, 28, 28)).astype(np.float32)
    small = Dataset("small", x, np.arange(4), x, np.arange(4), tuple("0123"))
    wrong = load(tmp_path / "lenet.pth")
    for use in (check_data, lambda net, data: evaluate(LinearPath(net, net), data, points=2)):
        with pytest.raises(DataError, match="say input_shape=1x28x28, with --arch"):
            use(wrong, small)
    mended = load(tmp_path / "lenet.pth", arch={"input_shape": "1x28x28"})
    example = torch.from_numpy(x[:, None])
    torch.testing.assert_close(mended(example), module(example))


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_of_several_checkpoints_is_called_that(packing, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", packing) as archive:
        for seed in (0, 1):
            archive.writestr(f"runs/seed{seed}.pth", b"numbers" * 50)
    with pytest.raises(CheckpointError, match=r"zip archive of 2 checkpoint files .*seed0.pth.*unpack it and give one"):
        load(tmp_path / "all.zip")
