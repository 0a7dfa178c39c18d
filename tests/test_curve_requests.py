"""Curved paths in requests: what may be asked for, and what it is called."""

import json

import pytest

from lmc_core.errors import InputError, SettingError
from lmc_core.report import silent
from lmc_core.runs import about, curve, library
from lmc_core.runs.request import Request

PAIR = ("digits-mlp-32/seed0", "digits-mlp-32/seed1", "digits", "weight-matching")


def asked(**bent):
    return Request.path(*PAIR, points=3, train_examples=100, curve=bent or None)


def test_a_request_without_a_curve_is_the_request_it_always_was():
    assert asked().id == asked(kind="none").id
    assert "curve" not in asked().options


def test_a_curve_is_part_of_what_is_asked_and_its_defaults_are_filled_in():
    one = asked(kind="bezier")
    assert one.options["curve"] == {"kind": "bezier", "bends": 1, "epochs": 20}
    assert len({asked().id, one.id, asked(kind="bezier", epochs=21).id, asked(kind="chain").id}) == 4
    assert Request.parse(one.json) == one


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
    assert Request.parse(one.json) == one
    assert card.title in about.about(one)["title"]
    other = json.loads(one.json)
    other["curve"]["fingerprint"] = "0" * 64
    with pytest.raises(InputError, match="other weights"):
        Request.parse(json.dumps(other))


def test_titles_say_what_was_trained():
    assert curve.title({"kind": "chain", "bends": 3, "epochs": 7}) == "Polygonal chain, 3 free points, 7 epochs"
    assert curve.title({"kind": "through", "model": "x/seed0"}, "Fused") == "Through Fused"


def test_a_path_through_a_model_passes_it_half_way(tmp_path, monkeypatch):
    from lmc_core.runs.work import run

    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    folder = tmp_path / "work"
    folder.mkdir()
    found = run(asked(kind="through", model=PAIR[0]), silent, folder, "cpu")
    assert found.curve.title.startswith("Through ")
    losses = found.curve.profile.loss()
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)  # by way of A itself
    assert losses[2] == pytest.approx(found.aligned.loss()[2], abs=1e-6)
    assert found.json["curved"]["barrier"]["test"]["loss"] == found.curve.profile.barrier()
