"""What a page prints of a visitor's own pair runs as printed, beside the files, and gives the same digits."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from asking import path_request
from safetensors.torch import load_file
from scripts import ROOT, computed

from lmc_core import runs
from lmc_core.report import silent
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import models as library
from lmc_core.runs.work.run import run
from pages._show.path import reproduce

FILES = ("mine-0.pth", "the other.pth")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files of weights whose names alone say nothing of their activation."""
    place = tmp_path_factory.mktemp("files")
    for seed, name in enumerate(FILES):
        tensors = load_file(ROOT / "checkpoints" / "digits-mlp-128" / f"seed{seed}.safetensors")
        torch.save({f"module.{key}": tensor for key, tensor in tensors.items()}, place / name)
    return place


@pytest.fixture(scope="module")
def result(home: Path, folder: Path) -> PathResult:
    """A path between both, uploaded."""
    ids = []
    for name in FILES:
        reading = library.add(name, folder / name, data="digits")
        found = run(reading, silent, home, "cpu")
        ids.append(found.model.id)
    request = path_request(*ids, data="digits", method="weight-matching", points=5, train_examples=200)
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
