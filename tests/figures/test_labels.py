"""Labels in panels: they stand clear of whatever is drawn there, at every width."""

from dataclasses import replace

import numpy as np
import pytest

from lmc_core.figures.labels import Area, corner, drawn, extent, place, strokes

AREA = Area(306.0, 200.0, (-0.03, 1.03), (-0.2, 1.2))
T = np.linspace(0, 1, 25)


def curves(rng, number):
    """Traces of smooth random curves between 0 and 1, some with dots on them."""
    waves = rng.normal(size=(number, 4)) / np.arange(1, 5)
    heights = waves @ np.sin(np.outer(np.arange(1, 5), np.pi * T)) + rng.normal(size=(number, 1))
    heights = (heights - heights.min()) / np.ptp(heights)
    look = {"line": {"width": 2.4}, "marker": {"size": 7}}
    return [{"mode": "lines+markers" if k % 2 else "lines", "x": T, "y": y, **look} for k, y in enumerate(heights)]


def shares(trace):
    """A curve, densely, in values."""
    x = np.linspace(0, 1, 4001)
    return x, np.interp(x, trace["x"], trace["y"])


def box_at(label, words, size, area):
    """Left, bottom, right, top in values of the letters, which are centred in their place, in a panel of any width."""
    width, height = extent(words, size)
    across = width / area.width * (area.x[1] - area.x[0])
    up = height / area.height * (area.y[1] - area.y[0])
    left = {"middle left": label.x - across, "middle right": label.x}.get(label.position, label.x - across / 2)
    return left, label.y - up / 2, left + across, label.y + up / 2


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("side", ["above", "below", "left", "right"])
def test_a_label_is_clear_of_random_curves_in_the_narrowest_panel_and_in_wider_ones(seed, side):
    rng = np.random.default_rng(seed)
    traces = curves(rng, 1 + seed)
    named = traces[0]
    k = int(np.argmax(named["y"]))
    label = place("naive  barrier 1.17", 13, (T[k], named["y"][k]), AREA, drawn(traces, AREA), side=side)
    assert label.free  # above and below all curves there is room
    for width in (306, 400, 900):
        left, bottom, right, top = box_at(label, "naive  barrier 1.17", 13, replace(AREA, width=width))
        assert AREA.x[0] <= left < right <= AREA.x[1]
        assert AREA.y[0] <= bottom < top <= AREA.y[1]
        for trace in traces:
            x, y = shares(trace)
            assert not ((left < x) & (x < right) & (bottom < y) & (y < top)).any()


def test_a_label_stays_where_it_wants_to_be_if_nothing_is_there():
    free = place("naive", 13, (0.5, 0.5), AREA, np.zeros((0, 4)))
    assert free.x == pytest.approx(0.5, abs=0.005)
    assert 0.5 < free.y < 0.62
    beside = place("49%", 12, (0.49, 0.5), AREA, np.zeros((0, 4)), side="right")
    assert (beside.position, beside.y) == ("middle right", pytest.approx(0.5, abs=0.01))
    assert 0.49 < beside.x < 0.51


def test_a_label_that_moves_along_one_side_keeps_its_row():
    line = {"mode": "lines", "x": [0.5, 0.5], "y": [0, 1], "line": {"width": 1.2}}
    moved = place("49%", 12, (0.49, 0.5), AREA, drawn([line], AREA), side="right", along="x")
    assert moved.free
    assert 0.5 < moved.x < 0.53
    assert moved.y == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "trace",
    [
        {"mode": "lines", "x": [0, 1], "y": [0.6, 0.6]},
        {"mode": "markers", "x": [0.5], "y": [0.6], "marker": {"size": 12}},
        {"mode": "text", "x": [0.5], "y": [0.6], "text": ["aligned"], "textfont": {"size": 13}},
        {"type": "bar", "x": [0.9], "y": [0.6], "width": 0.2, "orientation": "h"},
    ],
    ids=["line", "dot", "words", "bar"],
)
def test_lines_dots_words_and_bars_are_in_the_way_of_a_label(trace):
    label = place("naive", 13, (0.5, 0.52), AREA, drawn([trace], AREA))
    left, bottom, right, top = label.box
    x, y = AREA.pixels(0.5, 0.6)
    assert label.free
    assert not (left < x < right and bottom < y < top)


def test_a_panel_that_is_full_has_its_label_where_least_is_drawn():
    full = np.array([[0.0, 0.0, AREA.width, AREA.height - 10]])
    label = place("naive", 13, (0.5, 0.1), AREA, full)
    assert not label.free
    assert label.box[3] == pytest.approx(AREA.height, abs=1)


def test_lines_are_covered_without_gaps_and_broken_where_a_place_is_not_known():
    line = AREA.pixels([0, 0.4, np.nan, 0.6, 1], [0.1, 0.9, np.nan, 0.9, 1e9])
    boxes = strokes(line, 1.2, AREA)
    for share in np.linspace(0, 1, 200):
        x, y = line[0] + share * (line[1] - line[0])
        assert ((boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])).any()
    inside = (boxes[:, 2] > line[1, 0] + 3) & (boxes[:, 0] < line[3, 0] - 3)
    assert not inside.any()
    assert boxes[:, 3].max() < AREA.height + 5  # what leaves the panel is not followed


def test_a_logarithmic_axis_places_values_by_their_powers():
    area = replace(AREA, y=(-3.0, 1.0), log=(False, True))
    assert area.pixels(0.5, 0.1)[1] == pytest.approx(100)
    assert area.values((0.0, 100.0))[1] == pytest.approx(0.1)
    nothing = {"mode": "lines", "x": [0, 1], "y": [0, 0]}
    assert len(drawn([nothing], area)) == 0


@pytest.mark.parametrize(("taken", "free"), [((), 0), ((0,), 1), ((0, 1), 2), ((0, 1, 2), 3)])
def test_the_first_free_corner_of_all_panels_is_taken(taken, free):
    def panel(k):
        up, left = divmod(k, 2)
        x, y = (5.0 if left else AREA.width - 5), (AREA.height - 5 if up else 5.0)
        return AREA, np.array([[x - 2, y - 2, x + 2, y + 2]])

    assert corner((120.0, 20.0), [(AREA, np.zeros((0, 4))), *map(panel, taken)]) == (free, 0)
