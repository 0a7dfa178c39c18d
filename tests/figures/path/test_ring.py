"""The rings around one unit and its partners: they lie where the figure draws these dots, in every frame."""

import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.diagnostics.projection import project
from lmc_core.figures.palette import THEMES, contrast
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.ring import ring
from lmc_core.paths.profile import Profile
from lmc_core.words.units import ring_note

T = np.linspace(0, 1, 61)  # more positions than a figure has frames
PANELS = {"before": "x3", "after": "x6"}


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(40, 6)) for _ in range(2))
    partner = rng.permutation(40)
    return project(a, b, b[partner], t=T, group="g", label="layer 2", partner=partner)


def drawn(cloud: Cloud) -> go.Figure:
    half = {"test": {"loss": np.ones(2), "accuracy": np.ones(2)}}
    path = Profile(np.array([0.0, 1.0]), half, {"test": 10})
    return path_figure(path, path, cloud, method_title="Weight matching")


def dots(figure: go.Figure, axis: str, number: int) -> dict[str, list[np.ndarray]]:
    """Where a figure draws unit `number` of A, its partner, and in each frame their average."""
    ends, at = [], []
    for place, trace in enumerate(figure.data):
        if trace.xaxis != axis or trace.mode != "markers":
            continue
        row = np.flatnonzero(np.asarray(trace.customdata)[:, 0] == number)
        if not len(row):
            continue
        moving = [frame.data[frame.traces.index(place)] for frame in figure.frames if place in frame.traces]
        for one in moving or [trace]:
            (at if moving else ends).append(np.array([one.x[row[0]], one.y[row[0]]]))
    return {"ends": ends, "at": at}


def test_rings_lie_on_the_dots_of_the_figure_in_every_frame(cloud: Cloud) -> None:
    figure = drawn(cloud)
    for number in (0, 17, 39):
        found = ring(cloud, number)
        assert found is not None
        assert found["frames"] == [frame.name for frame in figure.frames]
        for panel, axis in zip(found["panels"], PANELS.values(), strict=True):
            there = dots(figure, axis, number)
            assert panel["axes"] == {"xaxis": axis, "yaxis": axis.replace("x", "y")}
            np.testing.assert_allclose([end["at"] for end in panel["ends"]], there["ends"], rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(panel["unit"]["at"], there["at"], rtol=1e-4, atol=1e-6)


def test_rings_are_named_by_the_units_that_meet(cloud: Cloud) -> None:
    match = int(cloud.partner[list(cloud.drawn).index(5)])
    found = ring(cloud, 5)
    assert found is not None
    names = [[end["name"] for end in panel["ends"]] for panel in found["panels"]]
    assert names == [["A 5", "B 5"], ["A 5", f"B {match}"]]
    assert f"unit 5 of layer 2 in A, B's unit 5 before, its match, B {match}, after" in found["said"]
    soft = ring(replace(cloud, partner=np.full_like(cloud.partner, -1)), 5)
    assert soft is not None
    assert soft["panels"][1]["ends"][1]["name"] == "aligned B"


def test_a_unit_at_t_that_is_not_on_the_straight_line_is_ringed_where_it_is(cloud: Cloud) -> None:
    bent = np.random.default_rng(1).normal(size=(len(T), *cloud.a.shape)).astype(np.float32)
    found = ring(replace(cloud, after=replace(cloud.after, at=bent)), 3)
    assert found is not None
    shown = bent[np.linspace(0, 60, 25).round().astype(int), list(cloud.drawn).index(3)]
    np.testing.assert_allclose(found["panels"][1]["unit"]["at"], shown, rtol=1e-4)


def test_a_unit_that_is_not_drawn_has_no_ring_and_the_caption_says_so(cloud: Cloud) -> None:
    assert ring(cloud, 40) is None
    assert "no ring" in str(ring_note(False))
    assert "rings" in str(ring_note(True))


@pytest.mark.parametrize("theme", THEMES)
def test_rings_have_the_colours_of_what_they_ring_and_can_be_seen(cloud: Cloud, theme: str) -> None:
    ink = THEMES[theme]
    found = ring(cloud, 1, theme=theme)  # type: ignore[arg-type]
    assert found is not None
    marks = [[end["mark"] for end in panel["ends"]] + [panel["unit"]["mark"]] for panel in found["panels"]]
    assert marks == [[ink.a.mark, ink.b.mark, path.mark] for path in (ink.naive, ink.aligned)]
    assert min(contrast(colour, found["halo"]) for colour in (*marks[0], *marks[1], found["line"])) >= 3
    assert len(json.dumps(found)) < 5_000
