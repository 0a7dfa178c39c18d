"""The benchmark that compares a GPU with the CPU: what it calls a difference, and that it ends in time."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from house import ROOT

from benchmarks.gpu.difference import difference
from benchmarks.gpu.equality import Check, Subject, compared
from benchmarks.gpu.page import PAGE, written
from benchmarks.gpu.record import Budget
from lmc_core.errors import Cancelled, InputError


@dataclass(frozen=True)
class Answer:
    values: dict
    perm: np.ndarray
    seconds: float = 0.0


def answer(seed=0):
    rng = np.random.default_rng(seed)
    values = {"loss": [torch.from_numpy(rng.normal(size=(3, 4))), 2.0], "word": "same"}
    return Answer(values, rng.permutation(8))


def test_a_result_does_not_differ_from_itself_however_long_it_took():
    assert difference(answer(), replace(answer(), seconds=9.0))[0] == 0


@pytest.mark.parametrize("change", [1e-9, 1e-3, 0.5])
def test_a_planted_change_is_found_with_its_size_and_its_place(change):
    one, other = answer(), answer()
    largest = other.values["loss"][0].abs().max()
    other.values["loss"][0][1, 2] += change * largest
    size, where = difference(one, other)
    assert size == pytest.approx(change, rel=1e-6)
    assert where == ".values[loss][0]"


def test_of_whole_numbers_the_share_that_differs_counts():
    one = answer()
    assert difference(one, replace(one, perm=np.roll(one.perm, 1)))[0] == 1
    swapped = one.perm.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    assert difference(one, replace(one, perm=swapped)) == (2 / 8, ".perm")


@pytest.mark.parametrize(
    "other", [{"a": np.ones(3)}, {"b": np.ones(2)}, {"a": "word"}, {"a": np.array([1, np.nan])}, None]
)
def test_another_structure_is_infinitely_far(other):
    assert difference({"a": np.ones(2)}, other)[0] == np.inf


def run(cpu, gpu):
    """One check whose answers, or failures, on both devices are given."""

    def answered(device, report):
        found = {"cpu": cpu, "gpu": gpu}[device]
        if isinstance(found, Exception):
            raise found
        return found

    check = Check("part", "name", Subject("digits-cnn", "digits", "float32", None), answered, free=("couplings",))
    return compared(check, Budget(time.monotonic() + 60), "gpu")["verdict"]


@pytest.mark.parametrize(
    ("cpu", "gpu", "verdict"),
    [
        ({"loss": 1.0, "couplings": [1, 2]}, {"loss": 1 + 1e-6, "couplings": [1, 2]}, "same"),
        ({"loss": 1.0, "couplings": [1, 2]}, {"loss": 1 + 1e-6, "couplings": [2, 1]}, "as good"),
        ({"loss": 1.0, "couplings": [1, 2]}, {"loss": 1 + 1e-2, "couplings": [1, 2]}, "differs"),
        ({"loss": 1.0}, {"loss": float("nan")}, "differs"),
        ({"loss": 1.0}, {}, "differs"),
        ({"loss": 1.0}, RuntimeError("two devices"), "failed"),
        (RuntimeError("on both"), RuntimeError("on both"), "failed"),
        (InputError("no heads"), InputError("no heads"), "does not apply"),
        (InputError("no heads"), RuntimeError("two devices"), "failed"),
        ({"loss": 1.0}, Cancelled("late"), "out of time"),
    ],
)
def test_every_pair_of_answers_has_its_verdict(cpu, gpu, verdict):
    assert run(cpu, gpu) == verdict


def test_the_file_is_complete_when_the_clock_ends_the_work(tmp_path):
    file = tmp_path / "deep" / "gpu.json"
    code = (
        "import sys, time; from pathlib import Path; from benchmarks.gpu.record import Record;"
        "r = Record(Path(sys.argv[1]), 0.02, 'cpu'); r.add('speed', {'shape': 'x'}); time.sleep(60)"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code, str(file)], cwd=ROOT, check=True, capture_output=True)
    assert time.monotonic() - began < 50
    found = json.loads(file.read_text())
    assert found["ended"] == "stopped by the clock"
    assert found["speed"] == [{"shape": "x"}]


def test_a_budget_stops_work_that_reports():
    Budget(time.monotonic() + 60).report()("stage", 0, 1)
    with pytest.raises(Cancelled):
        Budget(time.monotonic() - 1).report()("stage", 0, 1)


def test_the_page_is_what_the_results_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    files = [Path("benchmarks/results") / name for name in ("gpu-h200.json", "gpu-h200-more.json", "gpu-h100.json")]
    assert PAGE.read_text() == written(files)
    assert "3.82 | 0.173 | 22.0" in written(files)
