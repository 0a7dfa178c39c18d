"""What is shown of a path while it is measured."""

import json

import numpy as np
import pytest

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.figures.path.progress import progress_figure
from lmc_core.figures.plane.maps import plane_figure
from lmc_core.methods import METHODS
from lmc_core.networks.checkpoint import load
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.work.compare import compare
from lmc_core.runs.work.facts import card_of
from lmc_core.runs.work.pair import paired
from lmc_core.runs.work.plane import measure
from lmc_core.runs.work.shown import POINTS, around, shown
from lmc_core.words.compare import profiles_so_far, rows_so_far
from lmc_core.words.path import progress_words
from lmc_core.words.plane import surface_so_far

HOW = {"points": 25, "recalibrate": None, "train_examples": 300, "test_examples": None, "precision": None, "seed": 0}


class Watch:
    def __init__(self):
        self.shown = []

    def __call__(self, stage, done, of, /, part=""):
        assert stage == "Evaluating"

    def partial(self, values):
        self.shown.append(values)


@pytest.fixture(scope="module")
def many():
    """Digits, and each of them with some noise: enough for a first picture."""
    digits, rng = dataset("digits"), np.random.default_rng(0)
    x = np.concatenate([digits.x_train + s * rng.normal(size=digits.x_train.shape) for s in (0.0, 0.1, 0.2)])
    y = np.concatenate([digits.y_train] * 3)
    return Dataset("digits", digits.x_train, digits.y_train, x.astype(np.float32), y, classes=digits.classes)


def test_a_first_picture_can_be_trusted_and_stays_until_the_run_is_done(many):
    a, b = (load(f"checkpoints/digits-mlp-128/seed{seed}.safetensors") for seed in (0, 1))
    paths, watch = (LinearPath(a, b), LinearPath(a, a)), Watch()
    plain = evaluate_many(paths, many, **HOW)
    partial = shown(paths, many, HOW, "Evaluating", watch)
    first = watch.shown
    assert len(first[0]["t"]) == POINTS < len(first[-1]["t"]) < 25
    band = first[-1]["band"]
    assert band["naive"]["within"] <= 0.1 * band["naive"]["barrier"]
    assert abs(plain[0].barrier() - band["naive"]["barrier"]) <= 2 * band["naive"]["within"]
    assert band["aligned"]["barrier"] == 0
    assert band["aligned"]["within"] < 1e-12
    after = evaluate_many(paths, many, **HOW, partial=partial)
    np.testing.assert_array_equal(plain[0].loss(), after[0].loss())
    assert len(watch.shown[-1]["t"]) == 25
    assert watch.shown[-1]["band"] == band
    words = str(progress_words(band))
    assert " ± " in words
    assert f"from {band['examples']}".replace(",", "") in words.replace("\u202f", "")
    last = watch.shown[-1]
    figure = progress_figure(last["t"], last["naive"], last["aligned"], band=band)
    drawn = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(drawn) == 2
    assert max(drawn[0].y) == pytest.approx(max(band["naive"]["high"]), rel=1e-6)


def test_nothing_is_measured_first_where_nobody_looks_or_all_is_measured_at_once(many):
    a, b = (load(f"checkpoints/digits-mlp-32/seed{seed}.safetensors") for seed in (0, 1))
    paths, watch = (LinearPath(a, b), LinearPath(a, b)), Watch()
    assert shown(paths, many, HOW, "Evaluating", lambda *_, **__: None) is None
    assert shown(paths, many, {**HOW, "test_examples": 900}, "Evaluating", watch) is not None
    assert shown(paths, many, {**HOW, "precision": 0.1}, "Evaluating", watch) is not None
    assert watch.shown == []


def test_the_grid_is_refined_around_the_peaks():
    grid = np.linspace(0, 1, 25)
    coarse = np.array([0, 6, 12, 18, 24])
    assert around(grid, coarse, [0.5]).tolist() == [0, 6, 9, 10, 12, 14, 15, 18, 24]
    assert around(grid, coarse, [0.0]).tolist() == [0, 2, 3, 6, 12, 18, 24]


def test_every_method_of_a_comparison_has_a_first_row_as_soon_as_it_has_aligned():
    a, b = (load(f"checkpoints/digits-mlp-128/seed{seed}.safetensors") for seed in (0, 1))
    seen: list[list[dict]] = []
    methods = ("identity", "weight-matching", "activation-matching")
    how = {"methods": methods, "points": 25, "train_examples": 300, "test_examples": None}
    found = compare(a, b, dataset("digits"), **how, rows_so_far=lambda rows: seen.append(list(rows)))
    assert [len(rows) for rows in seen] == [1, 2, 3]
    plain = compare(a, b, dataset("digits"), **how)
    for one, other in zip(found.rows, plain.rows, strict=True):
        assert one.method == other.method
        np.testing.assert_array_equal(one.profile.loss(), other.profile.loss())
    for row in seen[-1]:
        (full,) = (one for one in found.rows if one.method == row["method"])
        assert abs(full.profile.barrier() - row["barrier"]) <= 0.02 + 0.1 * full.profile.barrier()
        assert len(row["t"]) < 25
    json.dumps(seen[-1], allow_nan=False)
    best = min(seen[-1], key=lambda row: row["barrier"])
    said = str(rows_so_far(seen[-1], "Seed 0 → seed 1"))
    assert said.startswith("Seed 0 → seed 1: After 3 methods, activation matching leaves the smallest")
    assert best["method"] == "activation-matching"
    assert set(profiles_so_far(seen[-1])) == set(methods)


def test_methods_that_take_long_are_looked_at_first_and_then_carried_out_whole():
    a, b = (load(f"checkpoints/digits-mlp-32/seed{seed}.safetensors") for seed in (0, 1))
    seen: list[list[dict]] = []
    slow = {"straight-through": {"steps": 40}, "frank-wolfe": {"restarts": 2}, "sinkhorn-rebasin": {"steps": 20}}
    methods = ("identity", *slow)
    how = {"methods": methods, "settings": slow, "points": 5, "train_examples": 300, "test_examples": 300}
    found = compare(a, b, dataset("digits"), **how, rows_so_far=lambda rows: seen.append(list(rows)))
    assert {row["method"] for row in seen[len(methods) - 1]} == set(methods), "every method has a row after one turn"
    begun = {row["method"]: row["begun"] for row in seen[len(methods) - 1] if "begun" in row}
    assert begun == {"straight-through": {"steps": (20, 40)}, "frank-wolfe": {"restarts": (1, 2)}}
    said = str(rows_so_far(seen[len(methods) - 1]))
    assert "Frank–Wolfe matching (1 of 2 starts)" in said
    assert "straight-through matching (20 of 40 steps)" in said
    assert len(seen) == len(methods) + len(begun)
    assert not any("begun" in row for row in seen[-1])
    assert "first look" not in str(rows_so_far(seen[-1]))
    plain = compare(a, b, dataset("digits"), **how)
    assert [row.method for row in found.rows] == [row.method for row in plain.rows]
    for one, other in zip(found.rows, plain.rows, strict=True):
        assert one.settings == other.settings
        np.testing.assert_array_equal(one.profile.loss(), other.profile.loss())


def test_a_first_look_asks_for_less_than_the_defaults_of_its_method():
    for method in METHODS.values():
        assert method.begun(method.settings({})) == dict(method.look), method.name
        assert method.begun(method.look) == {}


def test_a_plane_has_a_coarse_first_look_that_the_finer_grid_agrees_with():
    a, b = (load(f"checkpoints/digits-mlp-128/seed{seed}.safetensors") for seed in (0, 1))
    request = Request.of("plane", a="first", b="second", method="activation-matching", grid=17)

    class Looking(Watch):
        def __call__(self, stage, done, of, /, part=""):
            pass

    cards = (card_of(a, title="first"), card_of(b, title="second"))
    pair = paired(a, b, dataset("digits"), cards, "cpu")
    watch = Looking()
    whole = measure(request, lambda *_: pair, watch, "cpu")
    (seen,) = watch.shown
    json.dumps(seen, allow_nan=False)
    surface, lines = surface_so_far(seen["plane"])
    assert surface.loss().size < whole.surface.loss().size / 2
    assert lines["naive"].barrier() == pytest.approx(whole.naive.barrier())
    assert surface.corners == whole.surface.corners
    low, high = (np.quantile(np.log(s.loss()), [0.1, 0.9]) for s in (surface, whole.surface))
    np.testing.assert_allclose(low, high, atol=0.5)
    plane_figure(surface, lines["naive"], lines["aligned"]).to_json()
    plain = measure(request, lambda *_: pair, lambda *_, **__: None, "cpu")
    np.testing.assert_array_equal(plain.surface.loss(), whole.surface.loss())
