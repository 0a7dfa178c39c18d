"""A sweep: a grid becomes requests, requests become runs, what is stored is not computed again, failures are rows."""

import json

import pytest
from asking import path_request

from lmc_core import runs
from lmc_core.cli import main
from lmc_core.errors import InputError, SettingError
from lmc_core.runs.kinds.grid import requests

PAIR = ["digits-mlp-32/seed0", "digits-mlp-32/seed1"]
SMALL = {"pairs": [PAIR], "points": 3, "train_examples": 100}


def spelled(**more):
    return json.dumps({**SMALL, **more})


def test_every_combination_is_one_request_in_the_order_of_the_grid():
    made = requests(
        spelled(methods=["identity", {"method": "frank-wolfe", "restarts": [1, 3], "sweeps": [5, 6]}], seeds=[4, 7])
    )
    assert len(made) == (1 + 4) * 2
    assert [r.options["seed"] for r in made] == [4, 7] * 5
    tried = [(r.options["settings"]["restarts"], r.options["settings"]["sweeps"]) for r in made[2::2]]
    assert tried == [(1, 5), (1, 6), (3, 5), (3, 6)]
    assert all(r.options["points"] == 3 for r in made)


def test_a_request_of_a_sweep_is_that_of_a_page():
    (made,) = requests(spelled(methods=["weight-matching"]))
    page = path_request(*PAIR, method="weight-matching", points=3, recalibrate="auto", train_examples=100)
    assert runs.find(made) == page.id


def test_seed_and_device_of_the_command_hold_where_the_spec_says_nothing():
    (made,) = requests(spelled(), seed=9, device="cpu")
    assert (made.options["seed"], made.options["device"]) == (9, "cpu")
    (made,) = requests(spelled(seeds=[1], device="auto"), seed=9, device="cpu")
    assert (made.options["seed"], made.options["device"]) == (1, "auto")


def test_what_is_spelled_twice_is_computed_once():
    assert len(requests(spelled(methods=["identity", "identity"], seeds=[0, 0]))) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON object with the keys"),
        ('{"pair": []}', "no key 'pair'"),
        ('{"pairs": []}', "pairs is a list of one or more"),
        ('{"pairs": [["digits-mlp-32/seed0"]]}', "two networks each"),
        (spelled(methods=[3]), "a method is a name"),
        (spelled(methods=["alchemy"]), "alchemy"),
        (spelled(methods=[{"method": "weight-matching", "restart": 2}]), "no setting 'restart'"),
        (spelled(pairs=[["nobody", PAIR[1]]]), "nobody"),
        (spelled(seeds=list(range(10_001))), "10001 runs"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_computed(text, why):
    with pytest.raises((SettingError, InputError), match=why):
        list(map(runs.bind, requests(text)))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A store of its own, with an engine inside this process."""
    monkeypatch.setenv("LMC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LMC_ENGINE", "thread")
    return tmp_path


def test_runs_are_computed_once_and_a_failure_is_a_row(home, capsys):
    spec = home / "spec.json"
    spec.write_text(spelled(methods=["identity", "weight-matching", "head-matching"]))
    assert main(["sweep", str(spec), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["computed"], first["failed"]) == (3, 1)
    naive, matched, heads = first["runs"]
    assert naive["barrier"] == naive["naive"]["barrier"] == matched["naive"]["barrier"]
    assert matched["barrier"]["test"]["loss"] < naive["barrier"]["test"]["loss"]
    assert heads["state"] == "failed"
    assert "no attention heads" in heads["reason"]
    assert runs.result(matched["run"]).json["barrier"] == matched["barrier"]

    assert main(["sweep", str(spec)]) == 0
    text = capsys.readouterr().out
    assert "3 runs, 1 computed now, 1 failed" in text
    lines = [line for line in text.splitlines() if "digits-mlp-32" in line]
    assert [line.split()[3] for line in lines] == ["weight-matching", "identity", "head-matching"]
    assert "no attention heads" in lines[-1]


def test_a_sweep_of_stored_runs_starts_no_engine(home, capsys, monkeypatch):
    spec = home / "spec.json"
    spec.write_text(spelled(methods=["identity"]))
    assert main(["sweep", str(spec)]) == 0
    monkeypatch.setattr(runs, "start", lambda: pytest.fail("nothing is to be computed"))
    assert main(["sweep", str(spec), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["computed"] == 0


def test_a_spec_that_is_missing_is_one_line(capsys):
    assert main(["sweep", "no-such.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
