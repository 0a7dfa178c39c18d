"""Paths of other methods over the two of a run: lines, legend, and the sentence that names the best."""

import json
import re

import numpy as np
import pytest

from lmc_core.diagnostics.projection import project
from lmc_core.figures.palette import THEMES
from lmc_core.figures.path.figure import path_figure, path_height
from lmc_core.figures.path.overlay import legend_height, overlays
from lmc_core.figures.path.panels import LAYOUTS
from lmc_core.figures.path.readout import LINE, MOST, read_out, rows
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.words.path import other_paths

NAMES = [name for name in METHODS if name not in ("identity", "activation-matching")]
INK = THEMES["light"]


def path(height, points=5):
    t = np.linspace(0, 1, points)
    bump = 4 * t * (1 - t)
    return Profile(t, {"test": {"loss": 0.1 + height * bump, "accuracy": 0.9 - 0.3 * height * bump}}, {"test": 10})


def figure(others=None, **settings):
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(20, 4)) for _ in range(3)]
    cloud = project(*rows, t=np.linspace(0, 1, 5), group="g", label="layer 1")
    drawn = path_figure(path(1), path(0.2), cloud, method_title="Activation matching", others=others, **settings)
    return json.loads(drawn.to_json())


def test_without_other_methods_nothing_changes():
    assert figure({}) == figure(None)
    assert figure()["layout"]["showlegend"] is False


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_other_method_has_a_line_of_its_own_in_both_panels_and_the_legend(layout):
    others = {name: path(0.1 * k) for k, name in enumerate(NAMES, 1)}
    drawn = figure(others, layout=layout)
    more = [trace for trace in drawn["data"] if trace.get("name")]
    assert len(more) == 2 * len(NAMES)
    shown = [trace for trace in more if trace["showlegend"]]
    assert [trace["name"].rsplit(" ", 1)[0] for trace in shown] == [METHODS[name].title for name in NAMES]
    looks = [(t["line"]["color"], t["line"]["dash"], t["marker"]["symbol"]) for t in shown]
    assert len(set(looks)) == len(NAMES)
    assert len({look[2] for look in looks}) == len(NAMES) or len(NAMES) > 10
    height = drawn["layout"]["height"]
    assert height == path_height(layout, NAMES) > LAYOUTS[layout].height
    above = legend_height(overlays(others, INK), layout)
    assert drawn["layout"]["margin"]["t"] - LAYOUTS[layout].margin[1] == above
    assert height - LAYOUTS[layout].height - above in range(LINE, MOST * LINE + 1)


def test_a_method_looks_the_same_whichever_others_are_drawn():
    all_of_them = overlays({name: path(1) for name in NAMES}, INK)
    for one in all_of_them:
        name = next(name for name in NAMES if METHODS[name].title == one.title)
        (alone,) = overlays({name: path(1)}, INK)
        assert alone.look == one.look


def test_the_loss_axis_holds_the_highest_of_all_paths():
    drawn = figure({NAMES[0]: path(3.0)})
    assert drawn["layout"]["yaxis"]["range"][1] > 3.1


def test_the_sentence_names_the_lowest_path():
    own = ("Activation matching", path(0.2))
    title = METHODS[NAMES[0]].title
    assert not other_paths(own, {})
    better = str(other_paths(own, {title: path(0.1)}))
    assert better.startswith("Of the 2 methods drawn, ")
    assert better.endswith("stays lowest: its barrier is 0.10.")
    own_best = other_paths(own, {title: path(0.4)})
    assert str(own_best).endswith("activation matching stays lowest: its barrier is 0.20.")
    assert [span.text for span in own_best.spans if span.role == "aligned"] == ["0.20"]
    lost = Profile(np.linspace(0, 1, 3), {"test": {"loss": np.array([0.1, np.nan, 0.1])}}, {"test": 10})
    assert "activation matching stays lowest" in str(other_paths(own, {title: lost}))


def test_a_legend_has_room_for_every_row():
    few, many = (overlays({name: path(1) for name in NAMES[:count]}, INK) for count in (1, len(NAMES)))
    assert 0 == legend_height([], "wide") < legend_height(few, "wide") < legend_height(many, "wide")
    assert legend_height(many, "wide") < legend_height(many, "narrow")


def steps(drawn):
    return [step["label"] for step in drawn["layout"]["sliders"][0]["steps"]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_slider_says_loss_and_accuracy_of_every_path_where_it_stands(layout):
    others, curve = {NAMES[0]: path(0.6), NAMES[1]: path(0.4)}, ("Bézier curve, 1 free point, 20 epochs", path(0.02))
    said = steps(figure(others, curve=curve, layout=layout))
    first, *more = [re.sub("<[^>]*>", "", line) for line in said[2].split("<br>")]
    assert first == "0.50  naive 1.10 · 60.0%  aligned 0.30 · 84.0%"
    told = "  ".join(more)
    for title, values in ((NAMES[0], "0.70 · 72.0%"), (NAMES[1], "0.50 · 78.0%")):
        assert f"{METHODS[title].title} {values}" in told
    assert told.endswith("Bézier curve 0.12 · 89.4%")
    for drawn in overlays(others, INK, curve):
        assert all(label.count(f"<span style='color:{drawn.look.colour}'>") == 1 for label in said)
    assert "<br>" not in "".join(steps(figure(layout=layout)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [0, 1, 3, len(NAMES)])
def test_panels_keep_their_size_and_stay_clear_of_what_the_slider_says(layout, count):
    place, more = LAYOUTS[layout], overlays({name: path(1) for name in NAMES[:count]}, INK)
    found = rows(more, place.slider_pixels)
    assert [one for row in found for one in row] == list(more)
    drawn = figure({name: path(1) for name in NAMES[:count]}, layout=layout)["layout"]
    area = drawn["height"] - drawn["margin"]["t"] - drawn["margin"]["b"]
    boxes = [drawn[f"yaxis{k or ''}"]["domain"] for k in (0, *range(2, 9))]
    for panel, (low, high) in zip(place.boxes, boxes, strict=True):
        assert (high - low) * area == pytest.approx(place.pixels(panel)[1], abs=1e-6)
        assert 0 <= low < high <= 1
    top = drawn["sliders"][0]["y"]
    assert top == pytest.approx(boxes[1][0])  # under the accuracy
    below = [high for low, high in boxes[2:] if high <= top]
    room = (top - max(below)) * area if below else top * area + drawn["margin"]["b"]
    alone = (place.slider[2] - place.boxes["before_x"][3]) * (place.height - 50) if layout == "narrow" else 80
    assert room == pytest.approx(alone + LINE * min(len(found), MOST))


def test_more_paths_than_there_is_room_for_are_counted():
    more = overlays({name: path(1) for name in NAMES}, INK)
    alone = tuple((one,) for one in more)
    lines = read_out(0.5, (), alone).split("<br>")
    assert len(lines) == 1 + MOST
    assert lines[-1].endswith(f"+ {len(NAMES) - MOST} more")


def test_frames_are_those_of_a_figure_without_other_paths_but_for_where_these_begin():
    few, many = figure(), figure({name: path(1) for name in NAMES})
    size = [sum(len(json.dumps(frame["data"])) for frame in drawn["frames"]) for drawn in (few, many)]
    assert size[1] <= 1.01 * size[0]
    said = len(json.dumps(many["layout"]["sliders"])) - len(json.dumps(few["layout"]["sliders"]))
    assert said < 100 * (len(NAMES) + 1) * len(many["frames"])
