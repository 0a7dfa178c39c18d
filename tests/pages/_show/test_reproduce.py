"""What a page prints of a visitor's own pair runs as printed, beside the files, and gives the same digits."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import path_request, request_of
from safetensors.torch import load_file
from scripts import ROOT, computed

from lmc_core import runs
from lmc_core.cli import main
from lmc_core.report import silent
from lmc_core.runs.kinds import KINDS as KNOWN
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import models as library
from lmc_core.runs.work.run import run
from pages._show.command import command
from pages._show.path import reproduce

FILES = ("mine-0.pth", "the other.pth")
NARROW = ("small=a.pth", "small:b.pth")
SAID = {"normalize": ((0.49139968,), (0.25,)), "arch": {"activation": "tanh"}}
"""What a visitor says of the last two files."""
SMALL = {"data": "digits", "train_examples": 200}
KINDS: dict[str, dict[str, Any]] = {
    "fuse": {"method": "ot-fusion", "paths": False},
    "plane": {"method": "weight-matching", "grid": 5},
    "theory": {"method": "weight-matching"},
    "compare": {"methods": ["identity", "weight-matching"], "points": 5},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of weights whose names alone say nothing of their activation."""
    place = tmp_path_factory.mktemp("files")
    for family, names in (("digits-mlp-128", FILES), ("digits-mlp-32", NARROW)):
        for seed, name in enumerate(names):
            tensors = load_file(ROOT / "checkpoints" / family / f"seed{seed}.safetensors")
            torch.save({f"module.{key}": tensor for key, tensor in tensors.items()}, place / name)
    return place


@pytest.fixture(scope="module")
def ids(home: Path, folder: Path) -> list[str]:
    """All of them, uploaded; of the narrow ones more is said than their names say."""
    found = []
    for names, how in ((FILES, {}), (NARROW, SAID)):
        for name in names:
            reading = library.add(name, folder / name, data="digits", **how)
            found.append(run(reading, silent, home, "cpu").model.id)
    return found


@pytest.fixture(scope="module")
def result(home: Path, ids: list[str]) -> PathResult:
    """A path between both."""
    request = path_request(*ids[:2], method="weight-matching", points=5, **SMALL)
    found = runs.result(computed(request, home / "work").id)
    assert isinstance(found, PathResult)
    return found


def ran(words: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_of_an_uploaded_pair_prints_the_finding_of_its_page(result: PathResult, folder: Path) -> None:
    words = shlex.split(reproduce.command(result).replace("\\\n", " "))
    assert {*FILES, "activation=relu"} <= set(words)
    printed = ran([sys.executable, *words[1:]], folder)
    assert result.finding in " ".join(printed.split())


def test_the_python_of_an_uploaded_pair_prints_the_barrier_of_its_page(result: PathResult, folder: Path) -> None:
    code = reproduce.python(result)
    assert f"{float(ran([sys.executable, '-c', code], folder)):.3f}" == f"{result.aligned.barrier():.3f}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_of_every_kind_of_run_of_uploaded_files_prints_the_finding_of_its_page(
    kind: str, ids: list[str], folder: Path, home: Path
) -> None:
    options = {**(SMALL if kind != "fuse" else {"data": "digits"}), **KINDS[kind]}
    named = {"models": ids if kind == "compare" else ids[2:]} if "a" not in KNOWN[kind].options.names else {}
    request = request_of(kind, **options, **(named or {"a": ids[2], "b": ids[3]}))
    found = runs.result(computed(request, home / f"work-{kind}").id)
    words = shlex.split(command(found).replace("\\\n", " "))
    assert any("0.49139968/0.25" in word for word in words)
    assert found.finding in " ".join(ran([sys.executable, *words[1:]], folder).split())


@pytest.mark.parametrize("word", ["absent.pth:activation=relu", "a:b=c:activation=relu"])
def test_what_is_said_of_no_file_of_the_command_is_refused(
    word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(folder / name) for name in FILES]
    assert main(["path", *files, "--arch", word]) == 2
    assert "no file of this command" in capsys.readouterr().err
