"""The command that fuses."""

import json

import pytest

import lmc_core
import lmc_core.runs.work.fuse
from lmc_core.cli import main
from lmc_core.fusion import FUSIONS
from lmc_core.networks.checkpoint import load
from lmc_core.training.finetune import measure

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


def test_nothing_is_measured_on_the_way_if_nobody_asks_for_it(capsys, monkeypatch):
    def lines(*_, **__):
        raise AssertionError("no path was asked for")

    monkeypatch.setattr(lmc_core.runs.work.fuse, "lines", lines)
    monkeypatch.setattr(lmc_core.runs.work.fuse, "starts", lines)
    assert main(["fuse", A, B, "--paths", "false", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["paths"] == found["average_paths"] == []
    assert found["accuracy"] > 0.8
    assert main(["fuse", A, B, "--paths", "false"]) == 0
    assert "barriers" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["fuse", "path", "compare"])
def test_the_same_examples_are_drawn_whatever_the_command(command, capsys):
    """Accuracies of the ends on so few examples of which seed tell which were drawn."""
    how = ["--train-examples", "150", "--test-examples", "60", "--seed", "5", "--points", "2", "--json"]
    assert main([command, A, B, *how, *(["--methods", "identity"] if command == "compare" else [])]) == 0
    found = json.loads(capsys.readouterr().out)
    data, networks = lmc_core.dataset("digits").drawn(150, 60, seed=5), [load(A), load(B)]
    for number, wanted in enumerate(measure(net, data) for net in networks):
        for split in ("train", "test"):
            ends = {
                "fuse": lambda n, s: found["parents"][n][s]["accuracy"],
                "path": lambda n, s: found["naive"][s]["accuracy"][-n],
                "compare": lambda n, s: found["methods"][0][s]["accuracy"][-n],
            }
            assert ends[command](number, split) == pytest.approx(wanted[split]["accuracy"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([A], "two networks or more"),
        ([A, B, "--method", "alchemy"], "method='alchemy' is not one of wasserstein-barycenter"),
        ([A, B, "--weights", "a,b"], "weights=['a', 'b'] is not one number"),
        ([A, B, "--widths", "wide"], "widths='wide' is not a whole number from 1 to 65536"),
        ([A, B, "--epsilon", "0"], "epsilon"),
        ([A, B, "--finetune", "-1"], "finetune='-1'"),
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
