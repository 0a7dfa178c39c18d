"""Curved paths in requests: what may be asked for, what it is called, and that a command says the same."""

import json
import re
import shlex
from dataclasses import replace

import pytest
from asking import path_request

from lmc_core import runs
from lmc_core.cli import main
from lmc_core.errors import InputError, SettingError
from lmc_core.report import silent
from lmc_core.runs.kinds._curve import curve_title
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.library.entry import entry
from pages._show.path import reproduce

PAIR = ("digits-mlp-32/seed0", "digits-mlp-32/seed1", "digits", "weight-matching")


def asked(**bent):
    named = dict(zip(("a", "b", "data", "method"), PAIR, strict=True))
    return path_request(**named, points=3, train_examples=100, recalibrate=None, curve=bent or None)


def test_a_request_without_a_curve_is_the_request_it_always_was():
    assert asked().id == asked(kind="none").id
    assert "curve" not in asked().options


def test_a_curve_is_part_of_what_is_asked_and_its_defaults_are_filled_in():
    one = asked(kind="bezier")
    assert one.options["curve"] == {"kind": "bezier", "bends": 1, "epochs": 20}
    assert len({asked().id, one.id, asked(kind="bezier", epochs=21).id, asked(kind="chain").id}) == 4
    assert runs.bind(Request.parse(one.json)) == one


@pytest.mark.parametrize(
    "bent",
    [
        {"kind": "spline"},
        {"kind": "bezier", "bends": 0},
        {"kind": "chain", "epochs": 10_000},
        {"kind": "bezier", "model": "digits-mlp-32/seed0"},
        {"kind": "through", "model": "no such model"},
        {"kind": "through"},
    ],
)
def test_a_curve_that_makes_no_sense_is_refused(bent):
    with pytest.raises((SettingError, InputError)):
        asked(**bent)


def test_a_model_on_the_way_counts_among_the_models_of_a_run():
    one = asked(kind="through", model="digits-mlp-128/seed2")
    card = library.card("digits-mlp-128/seed2")
    assert one.options["curve"]["fingerprint"] == card.fingerprint
    assert runs.bind(Request.parse(one.json)) == one
    assert card.title in entry(one)["title"]
    other = json.loads(one.json)
    other["curve"]["fingerprint"] = "0" * 64
    with pytest.raises(InputError, match="other weights"):
        runs.bind(Request.parse(json.dumps(other)))


def test_titles_say_what_was_trained():
    assert curve_title({"kind": "chain", "bends": 3, "epochs": 7}) == "Polygonal chain, 3 free points, 7 epochs"
    assert curve_title({"kind": "through", "model": "x/seed0"}, "Fused") == "Through Fused"


@pytest.fixture
def computed(tmp_path, monkeypatch):
    """What carries a request out, as a worker does."""
    from lmc_core.runs.work.run import run

    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    (tmp_path / "work").mkdir()
    return lambda request: run(request, silent, tmp_path / "work", "cpu")


def as_told(words, capsys):
    """The object that a command prints."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_path_through_a_model_passes_it_half_way(computed):
    found = computed(asked(kind="through", model=PAIR[0]))
    losses = found.curve.profile.loss()
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)  # by way of A itself
    assert losses[2] == pytest.approx(found.aligned.loss()[2], abs=1e-6)
    assert found.json["curve"]["barrier"]["test"]["loss"] == found.curve.profile.barrier()


@pytest.mark.parametrize(
    ("bent", "words"),
    [
        ({}, []),
        ({"kind": "bezier", "epochs": 2}, ["--curve", "bezier", "--curve-epochs", "2"]),
        ({"kind": "chain", "epochs": 1, "bends": 2}, ["--curve", "chain", "--curve-epochs", "1", "--curve-bends", "2"]),
        ({"kind": "through", "model": PAIR[0]}, ["--through", PAIR[0]]),
    ],
    ids=["none", "bezier", "chain", "through"],
)
def test_a_command_says_word_for_word_what_the_run_of_the_same_request_says(bent, words, computed, capsys):
    mine = json.loads(json.dumps(computed(asked(**bent)).json))
    command = ["path", *PAIR[:2], "--points", "3", "--train-examples", "100", "--recalibrate", "none", *words]
    theirs = as_told([*command, "--device", "cpu"], capsys)
    assert (mine["curve"] is None) == (not bent)
    assert theirs.pop("out") is theirs.pop("out_reference") is None
    assert mine.pop("seconds").keys() == theirs.pop("seconds").keys()
    fingerprints = [[model["fingerprint"] for model in found.pop("models")] for found in (mine, theirs)]
    assert fingerprints[0] == fingerprints[1]
    assert mine == theirs


@pytest.mark.parametrize("bent", [{"kind": "chain", "epochs": 2}, {"kind": "through", "model": PAIR[1]}])
def test_what_a_page_says_to_type_computes_its_curve_again(bent, computed, capsys):
    found = computed(asked(**bent))
    words = shlex.split(reproduce.command(found).replace("\\\n", " "))
    assert words[:3] == ["python", "-m", "lmc_core"]
    assert as_told(words[3:], capsys)["curve"] == json.loads(json.dumps(found.json["curve"]))
    code = reproduce.python(found)
    exec(compile(code, "share", "exec"), {})
    printed = capsys.readouterr().out.split()
    assert [f"{float(number):.3f}" for number in printed] == re.findall(r"# ([\d.]+)", code)
    assert len(printed) == 2


def test_a_visitors_own_model_on_the_way_is_named_as_its_file_was(computed):
    found = computed(asked(kind="through", model=PAIR[0]))
    request = {**found.request, "curve": {"kind": "through", "model": "0" * 16, "fingerprint": "0" * 64}}
    mine = replace(found, request=request, curve=replace(found.curve, title="Through my net"))
    assert "--through 'my net'" in reproduce.command(mine)
    assert "lmc.load('my net')" in reproduce.python(mine)
