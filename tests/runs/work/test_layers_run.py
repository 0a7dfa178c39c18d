"""Layers compared after their run: the same numbers as within it, and a run on large networks that does without."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from asking import path_request, request_of
from results import a_result, same
from scripts import computed

from lmc_core import runs
from lmc_core.cli import main
from lmc_core.data.registry import dataset
from lmc_core.errors import InputError
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.keep import units
from lmc_core.runs.keep.pack import HALVED_FROM
from lmc_core.runs.kinds.layers import LayersResult
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.summary import summary
from lmc_core.runs.work import estimate
from lmc_core.runs.work.layers import work
from lmc_core.runs.work.path import path_run
from lmc_core.runs.work.run import run as carried_out
from lmc_core.words.path import LATER

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
FEW: dict[str, Any] = {"points": 3, "train_examples": 100, "test_examples": 100}
CASES: dict[str, dict[str, Any]] = {
    "re-ordered": {"a": A, "b": B, "method": "weight-matching", "settings": {"restarts": 1}},
    "soft": {"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1", "method": "ot-alignment"},
    "rotated": {"a": "digits-vit/seed0", "b": "digits-vit/seed1", "method": "full-symmetry-matching"},
}
PARTS = ("clouds", "matching", "layers", "preferred", "notes")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    monkeypatch.setattr(estimate, "LARGE", 1)
    return tmp_path


def fresh(seed: int) -> Network:
    """A network with two wide layers, as it is initialised."""
    torch.manual_seed(seed)
    made = architecture("mlp", widths=(64, 1024, 1024, 10))
    return network(build(made), example_inputs(made), architecture=made)


def path_of(run: str) -> PathResult:
    found = runs.result(run)
    assert isinstance(found, PathResult)
    return found


@pytest.mark.parametrize("name", CASES)
def test_layers_compared_later_are_those_of_a_run_that_compares_them_digit_for_digit(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = computed(path_request(**CASES[name], **FEW), home / "path")
    run = path_of(asked.id)
    assert run.later
    assert len(run.clouds) == 1
    assert not any((run.matching, run.layers, run.preferred))
    assert units.FILE not in runs.artifacts(asked.id)
    later = computed(request_of("layers", run=asked.id), home / "layers").id
    found = runs.result(later)
    assert isinstance(found, LayersResult)
    monkeypatch.setattr(estimate, "LARGE", 2**40)
    store, folder = keep.opened().store, home / "thorough"
    folder.mkdir()
    store.save("f" * 16, carried_out(asked, silent, folder, "cpu"))
    thorough = store.load("f" * 16)
    assert isinstance(thorough, PathResult)
    assert not thorough.later
    assert len(thorough.layers) == len(thorough.symmetry.groups)
    whole = found.within(run)
    for part in PARTS:
        same(getattr(whole, part), getattr(thorough, part))
    ((first, cloud),) = run.clouds.items()
    same(cloud, thorough.clouds[first])
    for group in thorough.matching:
        kept = (runs.artifact(later, units.FILE), (folder / units.FILE).read_bytes())
        same(*(units.read(content, group) for content in kept))


def test_a_run_on_large_networks_spends_at_most_a_tenth_of_its_time_on_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pair = [fresh(seed) for seed in (0, 1)]
    assert all(map(estimate.is_large, pair))
    settings: dict[str, Any] = {"method": "weight-matching", "settings": {"restarts": 1}, "points": 9}
    result, _ = path_run(pair[0], pair[1], dataset("digits"), **settings)
    assert result.later
    assert result.seconds["diagnose"] <= 0.1 * result.seconds["total"]
    thorough, _ = path_run(pair[0], pair[1], dataset("digits"), **settings, diagnosed=True)
    assert len(thorough.layers) == 2
    assert thorough.seconds["diagnose"] > 0.1 * thorough.seconds["total"]


def test_layers_that_are_there_or_never_were_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "LARGE", 2**40)
    asked = computed(path_request(A, B, **FEW), home / "path").id
    with pytest.raises(InputError, match="holds its layers already"):
        work(request_of("layers", run=asked), silent, home, "cpu")
    with pytest.raises(InputError, match="there is no run"):
        request_of("layers", run="0" * 16)


def test_a_run_without_its_layers_says_how_to_get_them_and_one_with_them_does_not() -> None:
    result = replace(a_result(), later=True)
    assert LATER in summary("path", result).notes
    assert LATER not in summary("path", replace(result, later=False)).notes
    found = LayersResult(request={}, clouds=result.clouds, notes=("a note",))
    assert found.within(result).notes == ("a note",)
    assert not found.within(result).later


def test_the_command_compares_the_layers_where_it_is_told_to(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(Path(__file__).parents[3] / "checkpoints" / f"{name}.safetensors") for name in (A, B)]
    words = ["path", *files, "--points", "3", "--train-examples", "50", "--method", "identity", "--report"]
    brief, whole = home / "brief.html", home / "whole.html"
    assert main([*words, str(brief)]) == 0
    assert main([*words, str(whole), "--thorough"]) == 0
    assert "Layer by layer" not in brief.read_text()
    assert "--thorough" in capsys.readouterr().out
    assert "Layer by layer" in whole.read_text()
    assert main([*words[:-1], "--thorough"]) == 2
    assert "--report FILE.html" in capsys.readouterr().err
    run = computed(path_request(A, B, **FEW), home / "path").id
    assert main(["layers", run, "--report", str(home / "layers.html")]) == 0
    assert "All 3 layers" in capsys.readouterr().out
    written = (home / "layers.html").read_text()
    assert written.count("Plotly.newPlot(") == 2
    assert "How well the units fit" in written


def test_couplings_are_kept_in_all_their_digits() -> None:
    exact, store = a_result(), keep.opened().store
    store.save("0" * 16, exact)
    found = store.load("0" * 16)
    assert isinstance(found, PathResult)
    plan, other = (one.alignment.couplings["soft"].plan for one in (found, exact))
    assert plan is not None
    assert other is not None
    assert plan.size >= HALVED_FROM
    np.testing.assert_array_equal(plan, other)
