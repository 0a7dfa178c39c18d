"""Methods compared on one pair: one table, the best first, a failure is a row."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import planted, random_data

from lmc_core.cli import main
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, InputError, SettingError
from lmc_core.methods import METHODS
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.runs.compare import compare
from lmc_core.runs.settings import settings
from lmc_core.symmetry.infer import symmetry

QUICK = ["identity", "weight-matching", "layerwise-weight-matching", "activation-matching"]


@pytest.fixture(scope="module")
def pair():
    folder = settings().checkpoints / "digits-mlp-32"
    return load(str(folder / "seed0.safetensors")), load(str(folder / "seed1.safetensors")), dataset("digits")


@pytest.fixture(scope="module")
def compared(pair):
    a, b, data = pair
    return compare(a, b, data, methods=QUICK, points=5, train_examples=200, device="cpu")


def failing(error):
    def solve(problem):
        raise error

    return replace(METHODS["identity"], name="failing", title="Failing", solve=solve)


def test_the_method_with_the_smallest_barrier_stands_first(compared):
    barriers = [row.profile.barrier("test", "loss") for row in compared.rows]
    assert barriers == sorted(barriers)
    assert {row.method for row in compared.rows} == set(QUICK)
    assert compared.rows[-1].method == "identity"


def test_every_row_is_what_the_method_alone_gives(pair, compared):
    a, b, data = pair
    row = next(row for row in compared.rows if row.method == "identity")
    alone = evaluate(LinearPath(a, b), data, points=5, train_examples=200)
    for split in ("train", "test"):
        assert np.allclose(row.profile.loss(split), alone.loss(split), rtol=1e-5)
        assert np.allclose(row.profile.accuracy(split), alone.accuracy(split))


def test_the_ends_are_the_same_for_all_methods(compared):
    losses = np.array([row.profile.loss("test") for row in compared.rows])
    assert (losses[:, 0] == losses[0, 0]).all()
    assert np.allclose(losses[:, -1], losses[0, -1], rtol=1e-5)


def test_one_objective_ranks_all_methods_and_the_matched_are_more_alike_than_the_naive(compared):
    naive = next(row for row in compared.rows if row.method == "identity")
    assert naive.objective == pytest.approx(naive.own[0])
    for row in compared.rows:
        assert row.objective >= naive.objective
        assert row.own[1] >= row.own[0]
        assert row.seconds > 0
    matched = next(row for row in compared.rows if row.method == "weight-matching")
    assert matched.objective == pytest.approx(matched.own[1], rel=1e-5)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("this network has no heads"), "this network has no heads"),
        (ZeroDivisionError("division by zero"), "a fault of this program: ZeroDivisionError: division by zero"),
    ],
)
def test_a_method_that_fails_is_a_row_with_its_sentence_and_the_last_one(pair, monkeypatch, error, said):
    a, b, data = pair
    monkeypatch.setitem(METHODS, "failing", failing(error))
    found = compare(a, b, data, methods=["failing", "identity"], points=2, train_examples=50, device="cpu")
    assert [row.method for row in found.rows] == ["identity", "failing"]
    assert found.rows[1].why == said
    assert found.json["methods"][1]["error"] == said


def test_a_comparison_is_cancelled_and_not_a_failed_row(pair):
    a, b, data = pair

    def report(stage, done, total):
        if stage.startswith("Weight matching"):
            raise Cancelled

    with pytest.raises(Cancelled):
        compare(a, b, data, methods=QUICK, points=2, report=report, device="cpu")


def test_progress_goes_from_one_method_to_the_next_and_never_back(pair):
    a, b, data = pair
    seen = []

    def report(stage, done, total):
        if ":" in stage:
            seen.append(done // (total // len(QUICK)))

    compare(a, b, data, methods=QUICK, points=2, train_examples=50, report=report, device="cpu")
    assert seen == sorted(seen)
    assert set(seen) == set(range(len(QUICK)))


def test_settings_that_a_method_does_not_have_are_refused(pair):
    a, b, data = pair
    with pytest.raises(SettingError, match="has no setting"):
        compare(a, b, data, methods=["identity"], settings={"identity": {"restarts": 1}})
    with pytest.raises(SettingError, match="no alignment method 'magic'"):
        compare(a, b, data, methods=["magic"])


def test_modules_of_ones_own_are_compared_too():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2)).double()
    net = network(module, torch.randn(2, 4, dtype=torch.float64))
    problem = planted(net, symmetry(net), seed=1)
    found = compare(net, problem.moved, random_data(net), methods=QUICK, points=3, device="cpu")
    best = found.rows[0]
    assert best.profile.barrier("test", "loss") == pytest.approx(0, abs=1e-12)
    assert math.isfinite(best.objective)


PATH = ["compare", "digits-mlp-32/seed0", "digits-mlp-32/seed1", "--points", "3", "--train-examples", "50"]


def test_the_command_prints_one_sorted_table(capsys):
    assert main([*PATH, "--methods", "identity,weight-matching", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["method", "barrier", "midpoint", "accuracy", "objective", "seconds"]
    assert [line.split()[0] for line in lines[3:5]] == ["weight-matching", "identity"]


def test_the_command_prints_json_and_passes_settings_to_the_methods_that_have_them(capsys):
    command = [*PATH, "--methods", "identity,weight-matching,frank-wolfe", "--device", "cpu", "--json"]
    assert main([*command, "--set", "restarts=2", "--set", "frank-wolfe.iterations=7"]) == 0
    found = {row["method"]: row for row in json.loads(capsys.readouterr().out)["methods"]}
    assert found["weight-matching"]["settings"]["restarts"] == found["frank-wolfe"]["settings"]["restarts"] == 2
    assert found["frank-wolfe"]["settings"]["iterations"] == 7
    assert found["identity"]["settings"] == {}
    assert {"barrier", "midpoint", "objective", "seconds"} <= found["identity"].keys()


@pytest.mark.parametrize(
    "words", [["--methods", "magic"], ["--methods", "identity", "--set", "restarts=2"], ["--set", "identity.x=1"]]
)
def test_the_command_refuses_what_it_does_not_know_in_one_line(words, capsys):
    assert main([*PATH, *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
