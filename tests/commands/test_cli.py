"""The command line: pure JSON, readable text, and one line for everything that is the user's to put right."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import lmc_core.runs.work.path
from lmc_core.cli import COMMANDS, main
from lmc_core.methods import METHODS
from lmc_core.networks.checkpoint import load

A, B = (f"checkpoints/digits-mlp-32/seed{seed}.safetensors" for seed in (0, 1))
PATH = ["path", A, B, "--points", "5"]


def fails(capsys, *words: str) -> str:
    """The one line that a refused command writes."""
    assert main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("\n")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def answers(capsys, *words: str) -> dict:
    """The object that a command prints with --json."""
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert COMMANDS[command].split(":")[0][1:] in " ".join(text.split())
    for option in ("--json", "--seed", "--device"):
        assert option in text


def test_every_setting_of_every_method_is_an_option(capsys):
    assert main(["path", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for method in METHODS.values():
        for parameter in method.parameters:
            assert f"--{parameter.name.replace('_', '-')} " in text
        assert all(p.help.split(";")[0] in text for p in METHODS["weight-matching"].parameters)


def test_json_of_path_is_one_object_on_stdout_and_nothing_else():
    command = [sys.executable, "-m", "lmc_core", *PATH, "--method", "weight-matching", "--seed", "4", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert found["method"] == "weight-matching"
    assert found["seed"] == 4
    assert found["device"] == "cpu"
    assert found["groups"] == {"fc1": 32, "fc2": 32, "fc3": 32}
    assert found["verification_error"] <= 1e-5
    assert {"align", "evaluate"} <= found["seconds"].keys()
    for curve in (found, found["naive"]):
        assert curve["t"] == [0, 0.25, 0.5, 0.75, 1]
        for split in ("train", "test"):
            assert len(curve[split]["loss"]) == 5
            assert all(0 <= y <= 1 for y in curve[split]["accuracy"])
            for table in ("barrier", "midpoint"):
                assert set(curve[table][split]) == {"loss", "accuracy"}
    assert found["barrier"]["test"]["loss"] < 0.3 * found["naive"]["barrier"]["test"]["loss"]


def test_text_of_path_states_the_finding_and_the_barriers(capsys):
    assert main([*PATH, "--method", "weight-matching", "--restarts", "2", "--recalibrate", "repair"]) == 0
    text = capsys.readouterr().out
    assert "digits-mlp-32/seed0 → digits-mlp-32/seed1 on digits" in text
    assert "barrier" in text
    assert "restarts=2" in text
    assert "recalibration  repair" in text


def test_a_setting_can_be_given_by_its_own_option_or_by_set(capsys):
    for words in (["--set", "restarts=2"], ["--restarts", "2"]):
        found = answers(capsys, *PATH, "--points", "2", *words)
        assert found["settings"] == {"restarts": 2, "sweeps": 100}


def test_the_aligned_network_is_written_and_computes_what_b_computes(capsys, tmp_path):
    out = tmp_path / "aligned.safetensors"
    found = answers(capsys, *PATH, "--points", "2", "--out", out)
    assert found["out"] == str(out)
    b, aligned = load(B), load(out)
    assert not torch.equal(b.state["fc1.weight"], aligned.state["fc1.weight"])
    x = b.example_inputs[0]
    torch.testing.assert_close(aligned(x), b(x), rtol=1e-5, atol=1e-5)


def test_a_shipped_network_can_be_named_without_its_path(capsys):
    assert answers(capsys, "inspect", "digits-mlp-32/seed0")["groups"] == {"fc1": 32, "fc2": 32, "fc3": 32}


def test_inspect_tells_groups_axes_error_and_accuracy(capsys):
    found = answers(capsys, "inspect", A, "--data", "digits")
    assert found["family"] == "mlp"
    assert found["axes"]["fc2.weight"] == ["fc2", "fc1"]
    assert found["verification_error"] <= 1e-5
    assert found["accuracy"]["test"] > 0.9
    assert main(["inspect", A]) == 0
    text = capsys.readouterr().out
    assert "(fc2, fc1)" in text
    assert "the network's output" in text


def test_train_follows_its_seed_and_writes_a_network_that_loads(capsys, tmp_path):
    words = ["train", "mlp", "--data", "digits", "--arch", "widths=64,24,10", "--set", "epochs=4", "--set", "rate=0.01"]
    found = [
        answers(capsys, *words, "--seed", seed, "--out", tmp_path / f"{name}.safetensors")
        for name, seed in (("a", 5), ("again", 5), ("b", 6))
    ]
    assert found[0]["accuracy"]["test"] > 0.8
    assert found[0]["fingerprint"] == found[1]["fingerprint"] != found[2]["fingerprint"]
    assert load(tmp_path / "a.safetensors").fingerprint == found[0]["fingerprint"]
    assert found[0]["recipe"]["epochs"] == 4


def test_a_recipe_can_be_changed_and_still_says_what_it_was(capsys, tmp_path):
    out = tmp_path / "net.safetensors"
    found = answers(capsys, "train", "digits-mlp-32", "--set", "epochs=1", "--out", out)
    assert (found["recipe"]["name"], found["recipe"]["epochs"], found["data"]) == ("digits-mlp-32", 1, "digits")


def test_a_language_model_of_a_text_of_ones_own_is_trained_and_aligned(capsys, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text("so it goes, and goes on. " * 80)
    words = ["train", "gpt", "--data", text, "--arch", "width=8", "--arch", "depth=1"]
    for seed in (0, 1):
        out = tmp_path / f"{seed}.safetensors"
        more = ["--set", "epochs=10", "--set", "batch=4", "--set", "rate=0.02", "--seed", seed, "--out", out]
        assert answers(capsys, *words, *more)["loss"]["test"] < 0.8 * np.log(96)
    ends = [tmp_path / f"{seed}.safetensors" for seed in (0, 1)]
    assert main([*map(str, ["path", *ends, "--data", text, "--method", "weight-matching", "--points", 3])]) == 0
    assert "next-token accuracy" in capsys.readouterr().out


@pytest.fixture
def module_file(tmp_path, monkeypatch) -> Path:
    """A module of the user's own in a file beside the working directory."""
    code = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))

    def forward(self, x):
        return self.body(x)

def words():
    return nn.Sequential(nn.Embedding(9, 5), nn.Flatten(), nn.Linear(20, 3))

def broken():
    return 1 / 0

number = 3
"""
    (tmp_path / "own_module.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("own_module", None)


def test_export_writes_a_program_that_computes_the_same(capsys, module_file):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    torch.save({"state_dict": {f"module.body.{name}": x for name, x in body.state_dict().items()}}, "weights.pt")
    words = ["export", "own_module:Net", "--weights", "weights.pt", "--input", "1x8x8", "--out", "net.pt2"]
    found = answers(capsys, *words, "--normalize", "0.5/0.25")
    assert found["groups"] == {"body.0": 4}
    net = load(module_file / "net.pt2")
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(net(net.prepare(x)), body((x - 0.5) / 0.25), rtol=1e-5, atol=1e-5)


def test_export_of_a_network_that_reads_tokens(capsys, module_file):
    answers(capsys, "export", "own_module:words", "--input", "4", "--tokens", "9", "--out", "net.pt2")
    assert load(module_file / "net.pt2").example_inputs[0].dtype == torch.int64


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["own_module"], "package.module:factory"),
        (["no_such_module:Net"], "cannot import 'no_such_module'"),
        (["own_module:Nothing"], "'own_module' has no 'Nothing'"),
        (["own_module:broken"], "division by zero"),
        (["own_module:number"], "makes a int"),
        (["own_module:Net", "--input", "1xtwo"], "not a shape"),
        (["own_module:Net", "--out", "net.safetensors"], "must end in .pt2"),
        (["own_module:Net", "--weights", "missing.pt"], "missing.pt"),
        (["own_module:Net", "--weights", "other.pt"], "lacks the tensor 'body.0.weight'"),
    ],
)
def test_export_refuses_in_one_line(words, reason, capsys, module_file):
    torch.save({"a": torch.zeros(2)}, "other.pt")
    given = ["export", *words]
    for option, value in (("--input", "1x8x8"), ("--out", "net.pt2")):
        if option not in words:
            given += [option, value]
    assert reason in fails(capsys, *given)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "COMMAND"),
        (["merge"], "invalid choice: 'merge'"),
        (["path", A], "required: B"),
        (["path", A, "missing.pt"], "missing.pt"),
        (["path", A, "tests/test_cli.py"], "test_cli.py"),
        (["path", A, "tests"], "tests"),
        (["path", A, "checkpoints/digits-cnn/seed0.safetensors"], "fc1.weight"),
        ([*PATH, "--method", "magic"], "magic"),
        ([*PATH, "--data", "imagenet"], "imagenet"),
        ([*PATH, "--data", "missing.npz"], "missing.npz"),
        ([*PATH, "--restarts", "0"], "restarts='0' is not a whole number from 1 to 100"),
        ([*PATH, "--set", "restarts"], "key=value"),
        ([*PATH, "--set", "colour=red"], "no setting 'colour'"),
        ([*PATH, "--passes", "3"], "no setting 'passes'"),
        ([*PATH, "--points", "1"], "points='1' is not a whole number from 2 to 201"),
        ([*PATH, "--points", "many"], "points='many'"),
        ([*PATH, "--train-examples", "-5"], "train_examples='-5'"),
        ([*PATH, "--recalibrate", "always"], "recalibrate='always' is not one of"),
        ([*PATH, "--device", "abacus"], "abacus"),
        ([*PATH, "--arch", "activation"], "key=value"),
        ([*PATH, "--arch", "activation=loud"], "loud"),
        ([*PATH, "--normalize", "0.5"], "mean/std"),
        ([*PATH, "--out", "aligned.png"], "must end in .safetensors or .pth or .pt2"),
        ([*PATH, "--out", "nowhere/aligned.pt2"], "no folder"),
        (["train", "mlp", "--data", "digits", "--out", "m.safetensors"], "needs widths"),
        (["train", "poem", "--out", "m.safetensors"], "neither a family"),
        (["train", "digits-mlp-32", "--set", "speed=9", "--out", "m.safetensors"], "no setting 'speed'"),
        (["train", "digits-mlp-32", "--data", "digits"], "--out"),
    ],
)
def test_what_the_user_can_put_right_is_said_in_one_line(words, reason, capsys):
    assert reason in fails(capsys, *words)


def test_data_of_another_shape_are_refused_in_one_line(capsys, tmp_path):
    x, y = np.zeros((5, 3, 3), np.float32), np.zeros(5, np.int64)
    np.savez(tmp_path / "small.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert "(3, 3)" in fails(capsys, *PATH, "--data", tmp_path / "small.npz")


def test_a_pickle_that_would_run_code_is_refused_and_not_run(capsys, tmp_path):
    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"weight": Attack()}, tmp_path / "evil.pt")
    fails(capsys, "path", A, tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_a_fault_of_ours_is_not_passed_off_as_the_users(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr(lmc_core.runs.work.path, "path_run", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(PATH)


def test_numbers_that_were_not_measured_are_null_in_json(monkeypatch, capsys):
    from lmc_core.commands import inspect
    from lmc_core.commands.arguments import Answer

    monkeypatch.setattr(inspect, "run", lambda args, report: Answer({"a": [float("nan")], "b": float("inf")}, ""))
    assert main(["inspect", A, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": [None], "b": None}


FEW = ["--train-examples", "50", "--test-examples", "50", "--method", "activation-matching"]


def test_the_plane_is_measured_through_a_third_network_or_through_aligned_b(capsys):
    found = answers(capsys, "plane", A, B, "--grid", "5", *FEW)
    assert set(found["corners"]) == {"a", "b", "aligned"}
    assert np.shape(found["test"]["loss"]) == (len(found["y"]), len(found["x"]))
    a, b, third = (f"digits-mlp-128/seed{seed}" for seed in (0, 1, 2))
    found = answers(capsys, "plane", f"checkpoints/{a}.safetensors", b, "--third", third, "--grid", "5", *FEW)
    assert set(found["corners"]) == {"a", "b", "c"}
    assert found["method"] == ""


def test_what_theory_guarantees_holds(capsys):
    found = answers(capsys, "theory", A, B, *FEW)
    assert [row["units"] for row in found["layers"]] == [32, 32, 32]
    assert all(
        excess <= bound + 1e-6
        for excess, bound in zip(found["aligned"]["excess"], found["aligned"]["bound"], strict=True)
    )
    assert main(["theory", A, B, *FEW]) == 0
    assert "function gap" in capsys.readouterr().out


def test_a_host_without_runs_lists_none_and_shows_none(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    assert answers(capsys, "list") == {"runs": []}
    assert "there is no run" in fails(capsys, "show", "0" * 16)
    assert "is not the id of a run" in fails(capsys, "show", "mine")


def test_the_program_says_its_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.split()[-1].count(".") == 2
