"""Units coloured by class: one colour per class in both clouds, networks told apart by shape, a key that has room."""

import numpy as np
import pytest

from lmc_core.diagnostics.preferred import Preferred
from lmc_core.diagnostics.projection import project
from lmc_core.figures.palette import THEMES
from lmc_core.figures.path.classes import Classes
from lmc_core.figures.path.figure import path_figure, path_height
from lmc_core.figures.path.panels import LAYOUTS
from lmc_core.paths.profile import Profile

T = np.linspace(0, 1, 5)
METHOD = {"method_title": "Activation matching"}


def path(height):
    bump = 4 * T * (1 - T)
    return Profile(T, {"test": {"loss": 0.1 + height * bump, "accuracy": 0.98 - 0.3 * bump}}, {"test": 10})


def units():
    a, b = np.random.default_rng(0).normal(size=(2, 512, 8))
    return project(a, b, a, t=T, group="fc1", label="layer 1")


NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def classes(names=NAMES, count=512):
    best = np.stack([np.arange(count) % 10, (np.arange(count) + 3) % 10, np.arange(count) % 10], 1)
    return Classes(Preferred(best.astype(np.int16), np.ones(best.shape, np.float32)), names, tuple(range(10)))


@pytest.mark.parametrize("theme", THEMES)
def test_dots_have_the_colour_of_their_class_and_the_shape_of_their_network(theme):
    ink, found = THEMES[theme], classes()
    figure = path_figure(path(1), path(0.1), units(), **METHOD, classes=found, theme=theme)
    dots = [trace for trace in figure.data if trace.mode == "markers" and "click to see" in (trace.hovertemplate or "")]
    assert len(dots) == 8
    for place, trace in enumerate(dots):
        a = "<b>A</b>" in trace.hovertemplate
        assert trace.marker.symbol == ("circle" if a else "square")
        column = 0 if a else 1 if place < 4 else 2
        expected = [ink.classes[found.found.best[row, column]] for row in trace.customdata[:, 0]]
        assert list(trace.marker.color) == expected
        assert all(
            f"class {NAMES[ink.classes.index(c)]}" in t for c, t in zip(trace.marker.color, trace.text, strict=True)
        )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_key_names_every_class_once_and_has_a_place_of_its_own(layout):
    found = classes()
    figure = path_figure(path(1), path(0.1), units(), **METHOD, classes=found, layout=layout)
    said = [note.text for note in figure.layout.annotations]
    for name in NAMES:
        assert sum(f"</span> {name}" in text for text in said) == 1, name
    assert figure.layout.height == path_height(layout, classes=found)
    plain = path_figure(path(1), path(0.1), units(), **METHOD, layout=layout)
    below = figure.layout.margin.b - plain.layout.margin.b
    assert figure.layout.height - plain.layout.height == below
    assert figure.layout.margin.b >= found.place(len(found.key(THEMES["light"], layout)), layout)
