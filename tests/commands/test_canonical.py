"""`inspect --canonical`: what the canonical form settles, what it refuses, and the file it writes."""

import json

import pytest
import torch
from torch import nn

from lmc_core.cli import main
from lmc_core.networks.checkpoint import load
from lmc_core.symmetry.classes import KINDS

VIT = "checkpoints/digits-vit/seed0.safetensors"


def answer(capsys, *words):
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_canonical_form_of_a_transformer_is_listed_and_written(capsys, tmp_path):
    out = tmp_path / "form.safetensors"
    found = answer(capsys, "inspect", VIT, "--canonical", "--out", out)["canonical"]
    assert set(found) == {"error", "classes", "folded", "refused", "out"}
    assert found["out"] == str(out)
    assert found["error"] < 1e-5
    assert set(found["classes"].values()) <= set(KINDS)
    assert found["classes"]["embed"] == "centred"
    parts = {row["part"] for row in found["folded"]}
    assert {"gain", "shift", "key bias", "value bias", "mean direction", "frame"} <= parts
    gain = next(row for row in found["folded"] if row["tensor"] == "norm.weight")
    assert gain == {"tensor": "norm.weight", "part": "gain", "into": ["head.weight"]}
    before, after = load(VIT), load(str(out))
    assert after.architecture == before.architecture
    assert not torch.equal(before.state["head.weight"], after.state["head.weight"])
    x = torch.randn(4, *before.example_inputs[0].shape[1:])
    torch.testing.assert_close(after(x), before(x), rtol=1e-4, atol=1e-4)


def test_the_file_has_the_names_of_the_file_it_came_from(capsys, tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))
    module[0].weight.data *= torch.exp(torch.randn(20, 1))
    state = {f"body.{name}": x for name, x in module.state_dict().items()}
    torch.save(state, tmp_path / "mine.pth")
    answer(capsys, "inspect", tmp_path / "mine.pth", "--canonical", "--out", tmp_path / "form.pth")
    written = torch.load(tmp_path / "form.pth", weights_only=True)
    assert list(written) == list(state)
    x = torch.randn(5, 64)
    before = module(x)
    assert not torch.equal(written["body.0.weight"], state["body.0.weight"])
    module.load_state_dict({name.removeprefix("body."): x for name, x in written.items()})
    torch.testing.assert_close(module(x), before)


def test_what_is_refused_is_said_with_its_reason(capsys):
    assert main(["inspect", "checkpoints/cifar10-resnet8/seed0.safetensors", "--canonical"]) == 0
    text = capsys.readouterr().out
    assert "canonical form: the same function" in text
    assert "groups after it" in text


def test_a_file_for_the_canonical_form_needs_the_canonical_form(capsys):
    assert main(["inspect", VIT, "--out", "form.pth"]) != 0
    assert "add --canonical" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["digits-lstm", "digits-mlp-32"])
def test_networks_without_gains_say_what_there_was_to_do(capsys, name):
    found = answer(capsys, "inspect", f"checkpoints/{name}/seed0.safetensors", "--canonical")["canonical"]
    assert {row["part"] for row in found["folded"]} <= {"scales"}
    assert (name == "digits-lstm") == (not found["folded"])
