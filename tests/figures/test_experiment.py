"""Figures of experiments: curves over fractions, dots beside names."""

import numpy as np
import pytest

from lmc_core.figures.chart import Chart
from lmc_core.figures.experiment import experiment_figure
from lmc_core.figures.sheet import log_axis

CURVES = [
    {"method": method, "λ": step / 4, "accuracy": 0.5 + step / 10, "±": 0.01}
    for method in ("one", "two")
    for step in range(5)
]
DOTS = [
    {"cell": cell, "method": method, "accuracy": value, "±": None, "published": known}
    for cell in ("LSTM", "RNN")
    for method, value, known in (("one", 0.97, None), ("two", 0.3, 0.4), ("three", 0.95, 0.96))
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fractions_are_drawn_as_a_curve_per_method(theme):
    figure = experiment_figure(CURVES, Chart(x="λ", y="accuracy", line="method", error="±"), theme=theme)
    assert [trace.name for trace in figure.data] == ["one", "two"]
    assert all(trace.mode == "lines+markers" and trace.showlegend for trace in figure.data)
    assert list(figure.data[0].x) == [0, 0.25, 0.5, 0.75, 1]
    assert list(figure.data[0].error_y.array) == [0.01] * 5
    assert figure.data[0].line.color != figure.data[1].line.color


def test_words_are_drawn_as_a_list_of_dots_in_the_order_of_the_table():
    figure = experiment_figure(DOTS, Chart(x="method", y="accuracy", panel="cell"))
    first, second = figure.data
    assert list(first.x) == [0.97, 0.3, 0.95] == list(second.x)
    assert list(first.y) == sorted(first.y)
    low, high = figure.layout.yaxis.range
    assert low > high
    assert figure.layout.yaxis.domain[0] > figure.layout.yaxis2.domain[1]
    written = [note.text for note in figure.layout.annotations]
    assert [text for text in written if text in ("one", "two", "three")] == ["one", "two", "three"] * 2


def test_a_value_below_the_axis_stands_at_its_edge_in_words():
    figure = experiment_figure(DOTS[:3], Chart(x="method", y="accuracy", least=0.9))
    assert list(figure.data[0].x) == [0.97, 0.9, 0.95]
    assert list(figure.data[0].text) == ["", "30.00%", ""]
    assert 0.85 < figure.layout.xaxis.range[0] < 0.9


def test_values_known_from_elsewhere_are_rings_beside_the_dots():
    figure = experiment_figure(DOTS[:3], Chart(x="method", y="accuracy", also="published"))
    dots, rings = figure.data
    assert list(rings.x) == [0.4, 0.96]
    assert list(rings.y) == list(dots.y)[1:]
    assert rings.name == "published"
    assert rings.showlegend


def test_losses_get_a_logarithmic_axis_that_says_what_is_better():
    rows = [{"method": "one", "loss": 0.1}, {"method": "two", "loss": 2.0}]
    figure = experiment_figure(rows, Chart(x="method", y="loss", lower=True))
    assert figure.layout.xaxis.type == "log"
    assert "smaller is better" in figure.layout.annotations[0].text


def test_rows_without_a_value_are_left_out():
    rows = [*CURVES, {"method": "three", "λ": None, "accuracy": None, "±": None}]
    figure = experiment_figure(rows, Chart(x="λ", y="accuracy", line="method"))
    assert len(figure.data) == 2


def test_panels_of_powers_have_logarithmic_axes_and_ranges_of_their_own():
    rows = [
        {"what": what, "width": width, "method": "one", "value": factor * width, "known": None}
        for what, factor in (("loss", 0.01), ("dimension", 1.0))
        for width in (1.0, 10.0, 100.0)
    ]
    chart = Chart("width", "value", "method", panel="what", lower=True, powers=True, apart=True)
    figure = experiment_figure(rows, chart)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.range[1] < figure.layout.yaxis2.range[1]
    assert "<b>loss</b>" in [note.text for note in figure.layout.annotations]


@pytest.mark.parametrize(("low", "high"), [(1.53, 3.9), (0.51, 0.55), (0.02, 4.0), (1.0, 1.0)])
def test_a_logarithmic_axis_has_three_ticks_at_least_that_lie_on_it(low, high):
    axis = log_axis(low, high)
    assert 3 <= len(axis["tickvals"]) <= 12
    assert len(set(axis["ticktext"])) == len(axis["tickvals"])
    assert all(axis["range"][0] <= np.log10(value) <= axis["range"][1] for value in axis["tickvals"])
