"""Methods compared on a pair or on every pair of several: one table, the best first, a failure is a row."""

import json
import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from asking import request_of
from planted import planted, random_data

from lmc_core.cli import main
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, InputError, SettingError
from lmc_core.methods import METHODS
from lmc_core.networks import checkpoint
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import network
from lmc_core.networks.values import Normalize
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.runs.kinds.compare import method_means
from lmc_core.runs.settings import settings
from lmc_core.runs.work import symmetry as symmetries
from lmc_core.runs.work.compare import ALIGN, compare
from lmc_core.symmetry import infer
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

    def report(stage, done, of, /, part=""):
        if part.startswith("Weight matching"):
            raise Cancelled

    with pytest.raises(Cancelled):
        compare(a, b, data, methods=QUICK, points=2, report=report, device="cpu")


def test_progress_goes_from_one_method_to_the_next_and_never_back(pair):
    a, b, data = pair
    seen = []

    def report(stage, done, of, /, part=""):
        if stage == ALIGN and of:
            seen.append(done // (of // len(QUICK)))

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


SEEDS = [f"digits-mlp-128/seed{seed}" for seed in range(3)]
SEVERAL = ["--methods", "identity,weight-matching", "--points", "3", "--train-examples", "50", "--device", "cpu"]


def answer(capsys, *words):
    assert main(["compare", *words, *SEVERAL, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def timeless(found):
    """What a comparison found, without how long it took and what the models are called."""
    if isinstance(found, dict):
        left = {"seconds", "id", "title"} if "fingerprint" in found else {"seconds"}
        return {name: timeless(value) for name, value in found.items() if name not in left}
    return [timeless(value) for value in found] if isinstance(found, list) else found


@pytest.fixture
def three(capsys):
    return answer(capsys, *SEEDS)


def test_every_pair_of_several_models_says_what_the_pair_alone_says(three, capsys):
    titles = [[model["title"] for model in pair["models"]] for pair in three["pairs"]]
    assert titles == [list(pair) for pair in combinations(SEEDS, 2)]
    for pair, names in zip(three["pairs"], titles, strict=True):
        alone = answer(capsys, *names)
        assert alone.keys() == pair.keys()
        assert timeless(alone) == timeless(pair)


def test_the_row_of_a_method_is_the_mean_over_the_pairs(three):
    barriers = {
        name: [row["barrier"]["test"]["loss"] for pair in three["pairs"] for row in rows(pair, name)]
        for name in ("identity", "weight-matching")
    }
    assert [row["method"] for row in three["methods"]] == sorted(barriers, key=lambda name: sum(barriers[name]))
    for row in three["methods"]:
        assert row["pairs"] == len(barriers[row["method"]]) == 3
        assert row["barrier"]["test"]["loss"] == pytest.approx(np.mean(barriers[row["method"]]))
        assert row["largest_barrier"] == max(barriers[row["method"]])


def test_the_order_of_the_models_changes_who_is_a_but_not_which_pairs_there_are(three, capsys):
    other = answer(capsys, *reversed(SEEDS))
    pairs = [
        {frozenset(m["fingerprint"] for m in pair["models"]): naive(pair) for pair in found["pairs"]}
        for found in (three, other)
    ]
    assert pairs[0].keys() == pairs[1].keys()
    assert len(pairs[0]) == 3
    for pair, line in pairs[0].items():  # nothing is moved: the same line from its other end
        assert line == pytest.approx(pairs[1][pair][::-1], rel=1e-4)
    (first,), (again,) = rows(three, "identity"), rows(other, "identity")
    assert first["barrier"]["test"]["loss"] == pytest.approx(again["barrier"]["test"]["loss"], rel=1e-4)


def naive(pair):
    (row,) = rows(pair, "identity")
    return row["test"]["loss"]


def rows(found, name):
    return [row for row in found["methods"] if row["method"] == name]


def test_a_command_and_the_request_of_a_page_compare_alike(tmp_path, monkeypatch, three):
    from lmc_core.report import silent
    from lmc_core.runs.work.run import run

    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    request = request_of("compare", models=SEEDS, methods=["identity", "weight-matching"], points=3, train_examples=50)
    found = json.loads(json.dumps(run(request, silent, tmp_path, "cpu").json))
    assert found["finding"]
    assert timeless(found) == timeless(three)


def test_models_are_opened_once_and_a_symmetry_is_found_once_per_reference(monkeypatch, capsys):
    opened, traced = [], []
    monkeypatch.setattr(symmetries, "_symmetries", {})
    once, read = infer.symmetry, checkpoint.load
    monkeypatch.setattr(checkpoint, "load", lambda path, **how: opened.append(str(path)) or read(path, **how))
    monkeypatch.setattr(symmetries, "symmetry", lambda network: traced.append(network.fingerprint) or once(network))
    answer(capsys, *SEEDS)
    assert len(opened) == len(set(opened)) == 3
    assert len(traced) == len(set(traced)) == 2  # the last model is never the reference


def test_a_model_that_fits_no_other_is_noted_and_none_that_fit_are_refused(capsys):
    found = answer(capsys, "digits-mlp-32/seed0", "digits-cnn/seed0", "digits-mlp-32/seed1")
    assert [[m["title"] for m in pair["models"]] for pair in found["pairs"]] == [
        ["digits-mlp-32/seed0", "digits-mlp-32/seed1"]
    ]
    assert "No other model here has the shape of digits-cnn/seed0." in found["notes"]
    for names in (["digits-mlp-32/seed0", "digits-cnn/seed0", "digits-lstm/seed0"], ["digits-cnn/seed0"]):
        assert main(["compare", *names, *SEVERAL]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_models_of_one_size_of_which_no_two_fit_are_refused_in_one_line(pair, tmp_path, capsys):
    files = [tmp_path / f"{k}.safetensors" for k in range(3)]
    for k, file in enumerate(files):
        replace(pair[0], normalize=Normalize((0.1 * k,), (1.0,))).save(str(file))
    assert main(["compare", *map(str, files), *SEVERAL]) == 2
    said = capsys.readouterr().err
    assert "give both the same with --normalize" in said
    assert said.count("\n") == 1


def test_a_method_that_fails_on_some_pairs_stands_below_those_that_never_fail(pair):
    a, b, data = pair
    whole = compare(a, b, data, methods=["identity", "weight-matching"], points=3, train_examples=50, device="cpu")
    best, worst = whole.rows
    part = replace(whole, rows=(worst, replace(best, profile=None, why="no")))
    never = replace(whole, rows=(worst, replace(best, profile=None, why="never")))
    found = method_means([whole, part])
    assert [(row["method"], row["pairs"]) for row in found] == [("identity", 2), ("weight-matching", 1)]
    assert found[1]["errors"] == ["no"]
    assert method_means([never])[-1] == {
        "method": "weight-matching",
        "title": "Weight matching",
        "settings": best.settings,
        "pairs": 0,
        "errors": ["never"],
    }


def test_the_command_prints_the_means_and_the_pairs(capsys):
    assert main(["compare", *SEEDS, *SEVERAL]) == 0
    text = capsys.readouterr().out
    assert text.startswith("3 models, 3 pairs on digits\n")
    lines = [line.split() for line in text.splitlines()]
    start = lines.index(["method", "barrier", "largest", "midpoint", "accuracy", "objective", "seconds"])
    assert [line[0] for line in lines[start + 1 : start + 3]] == ["weight-matching", "identity"]
    assert sum(" → " in line for line in text.splitlines()) == 3


PATH = ["compare", "digits-mlp-32/seed0", "digits-mlp-32/seed1", "--points", "3", "--train-examples", "50"]


def test_the_command_prints_one_sorted_table(capsys):
    assert main([*PATH, "--methods", "identity,weight-matching", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "smallest barrier" in lines[2]
    assert lines[4].split() == ["method", "barrier", "midpoint", "accuracy", "objective", "seconds"]
    assert [line.split()[0] for line in lines[5:7]] == ["weight-matching", "identity"]


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
