"""What a file does not say is assumed, and every command says so where its numbers rest on it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from results import a_result
from safetensors.numpy import load_file, save_file

import lmc_core.runs.work.path
from lmc_core.cli import main
from lmc_core.runs.summary import summary
from lmc_core.runs.summary.report import report
from lmc_core.words.models import assumption

A, B = (f"checkpoints/digits-mlp-32/seed{seed}.safetensors" for seed in (0, 1))
COMMANDS = {
    "path": ["--points", "3"],
    "fuse": ["--points", "3", "--train-examples", "50"],
    "compare": ["--points", "3", "--methods", "identity"],
}


@pytest.fixture
def bare(tmp_path: Path) -> list[str]:
    """The same networks in files that hold tensors and nothing else."""
    files = [tmp_path / name for name in ("one.safetensors", "two.safetensors", "three.safetensors")]
    for file, source in zip(files, (A, B, A), strict=True):
        save_file({name: np.array(x) for name, x in load_file(source).items()}, file)
    return [str(file) for file in files]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("command", "count"), [("path", 2), ("fuse", 2), ("compare", 2), ("compare", 3)])
def test_every_assumption_that_inspect_makes_is_in_what_a_command_prints_and_in_its_json(
    command: str, count: int, bare: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    known = json.loads(said(capsys, "inspect", bare[0], "--json"))["assumptions"]
    assert known
    words = [command, *bare[:count], *COMMANDS[command]]
    models = json.loads(said(capsys, *words, "--json"))["models"]
    assert len(models) == count
    for model in models:
        assert {a["option"] for a in known} <= {a["option"] for a in model["assumptions"]}
    text = said(capsys, *words)
    for each in known:
        assert f"{each['option']}={assumption(each['option'], each['value'])}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_assumed_of_files_that_say_all(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [command, A, B, *COMMANDS[command]]
    assert "assumed" not in said(capsys, *words)
    assert all(not model["assumptions"] for model in json.loads(said(capsys, *words, "--json"))["models"])


def test_a_path_computes_nothing_that_it_does_not_show(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diagnose(*_: object, **__: object) -> None:
        raise AssertionError("clouds, matchings and layers are of the page")

    monkeypatch.setattr(lmc_core.runs.work.path, "diagnose", diagnose)
    found = json.loads(said(capsys, "path", A, B, "--points", "3", "--json"))
    assert {"align", "evaluate", "diagnose"} <= set(found["seconds"])


def test_summaries_and_reports_state_what_was_assumed_of_the_models() -> None:
    result = a_result()
    guessed = tuple(
        replace(card, assumptions=(("activation", "relu", "an activation has no tensors"),)) for card in result.models
    )
    assert not summary("path", result).assumed
    assert "Assumed of" not in report(summary("path", result))
    said = summary("path", replace(result, models=guessed))
    assert said.assumed == ("Assumed of A and B, activation=relu: an activation has no tensors.",)
    assert said.assumed[0] in report(said)
