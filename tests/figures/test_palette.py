"""One palette: lines can be seen, a method has one look on every page, no figure has a colour of its own."""

import json
import re
from itertools import combinations

import numpy as np
import pytest

from lmc_core.diagnostics.projection import project
from lmc_core.figures.compare import barriers_figure, barriers_height, compare_figure, compare_sketch
from lmc_core.figures.palette import THEMES, UNALIGNED, Theme, contrast, look, method_look
from lmc_core.figures.path.figure import path_figure
from lmc_core.figures.path.progress import progress_figure
from lmc_core.figures.width import width_figure
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile

T = np.linspace(0, 1, 5)
VISION = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
"""What reaches a person of linear red, green and blue (Machado 2009, severity 1)."""
LMS = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
LAB = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])


def apart(one: str, other: str, vision: str) -> float:
    """Distance of two colours as somebody sees them, in hundredths of Oklab (Ottosson 2020)."""

    def seen(colour: str) -> np.ndarray:
        parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return LAB @ np.cbrt(LMS @ np.clip(VISION[vision] @ linear, 0, 1))

    return 100 * float(np.linalg.norm(seen(one) - seen(other)))


def path(height: float) -> Profile:
    bump = 4 * T * (1 - T)
    values = {"loss": 0.1 + height * bump, "accuracy": 0.98 - 0.3 * bump}
    return Profile(T, {"train": values, "test": values}, {"train": 10, "test": 10})


PATHS = {name: path(0.1 * k) for k, name in enumerate(METHODS, 1)}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_lines_can_be_seen_and_their_names_read(theme: Theme) -> None:
    inks = (theme.a, theme.b, theme.naive, theme.aligned, theme.grey)
    assert min(contrast(colour, theme.page) for colour in [ink.mark for ink in inks]) >= 3
    assert min(contrast(colour, theme.page) for colour in (*theme.series, *theme.groups)) >= 4.5


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("table", [METHODS, FUSIONS], ids=["methods", "fusions"])
def test_any_two_methods_are_told_apart_by_symbol_and_by_colour(theme: Theme, table: dict[str, object]) -> None:
    looks = {name: method_look(name, theme) for name in table}
    assert len({one.symbol for one in looks.values()}) == len(table)
    roles = {ink.mark for ink in (theme.a, theme.b, theme.aligned)} | {theme.text}
    assert not roles & {one.colour for one in looks.values()}
    for one, other in combinations([*(known.colour for known in looks.values()), *roles], 2):
        if {one, other} <= roles:
            continue
        assert apart(one, other, "full") >= 9, (one, other)
        assert min(apart(one, other, vision) for vision in VISION) >= 4, (one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_a_method_has_one_look_on_every_page(theme: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 12, 4))
    cloud = project(a, b, b, t=T, group="g", label="layer 1")
    others = {name: profile for name, profile in PATHS.items() if name not in UNALIGNED}
    over = path_figure(path(1), path(0.1), cloud, method_title="x", others=others, theme=theme)
    several = compare_figure({"one": PATHS, "two": PATHS}, theme=theme)
    for name in others:
        title, wanted = METHODS[name].title, method_look(name, THEMES[theme])
        lines = [line for line in (*over.data, *several.data) if line.name and line.name.startswith(title)]
        lines = [line for line in lines if line.name.rpartition(" ")[0] == title or line.name == title]
        assert len(lines) == 4
        drawn = {(line.line.color, line.line.dash, line.marker.color, line.marker.symbol) for line in lines}
        assert drawn == {(wanted.colour, wanted.dash, wanted.colour, wanted.symbol)}
    sketched = [curve.colour for curve in compare_sketch([PATHS]).curves]
    assert sketched == [method_look(name, THEMES["light"]).colour for name in PATHS]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_without_alignment_is_the_naive_path(theme: Theme) -> None:
    assert {method_look(name, theme).colour for name in UNALIGNED} == {theme.naive.mark}
    assert {look(number, theme).colour for number in range(20)} == set(theme.series)


@pytest.mark.parametrize("theme", THEMES)
def test_no_figure_has_a_colour_of_its_own(theme: str) -> None:
    figures = [
        compare_figure({"one": PATHS}, theme=theme, standalone=True),
        progress_figure(T.tolist(), path(1).loss().tolist(), [None] * len(T), theme=theme),
        width_figure([32, 64], [1.0, 0.9], [0.5, 0.1], {}, theme=theme, standalone=True),
    ]
    known = set(re.findall("#[0-9A-F]{6}", repr(THEMES[theme])))
    for figure in figures:
        found = set(re.findall("#[0-9A-Fa-f]{6}", json.dumps(json.loads(figure.to_json()))))
        assert found
        assert found <= known


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_any_two_classes_are_told_apart_and_none_is_a_path(theme: Theme) -> None:
    paths = (theme.naive.mark, theme.aligned.mark)
    assert min(contrast(colour, theme.page) for colour in theme.classes) >= 3
    assert not set(theme.classes) & {*paths, *theme.series, theme.grey.mark}
    for one, other in combinations((*theme.classes, *paths), 2):
        if {one, other} == set(paths):
            continue
        assert apart(one, other, "full") >= 9, (one, other)
        assert min(apart(one, other, vision) for vision in VISION) >= 4, (one, other)


@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_the_chart_of_barriers_lists_methods_from_the_smallest_in_full_and_in_their_look(layout: str) -> None:
    figure = barriers_figure({"one": PATHS, "two": PATHS}, layout=layout)  # type: ignore[arg-type]
    names = [text.replace("<br>", " ") for text in figure.layout.yaxis.ticktext]
    assert names == [METHODS[name].title for name in PATHS], "heights grow in the order of METHODS"
    marks = [trace for trace in figure.data if trace.mode == "markers" and trace.marker.size == 11]
    for name, trace in zip(PATHS, marks, strict=True):
        assert trace.x[0] == pytest.approx(PATHS[name].barrier(), rel=1e-5)
        assert (trace.marker.color, trace.marker.symbol) == (
            method_look(name, THEMES["light"]).colour,
            method_look(name, THEMES["light"]).symbol,
        )
    assert figure.layout.height == barriers_height(len(PATHS))
