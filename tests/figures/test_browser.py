"""What a browser shows before it has the library for figures lies where that will draw it."""

import base64
import re

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.browser import Encoded, preview

LINE = {"type": "scatter", "mode": "lines", "line": {"color": "#123456", "width": 2}}


def shown(*traces: dict[str, object], **axes: object) -> str:
    """The SVG of traces on x from 0 to 10 in the left half and y from 0 to 1."""
    x = {"range": [0, 10], "domain": [0, 0.5]}
    y = {"range": [0, 1], "domain": [0, 1]}
    layout = {"height": 300, "margin": {"t": 1, "r": 2, "b": 3, "l": 4}, "xaxis": x, "yaxis": y, **axes}
    html = preview(go.Figure(data=list(traces), layout=layout).to_dict())
    assert "height:300px;padding:1px 2px 3px 4px" in html
    found = re.search('base64,([^"]+)', html)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def paths(svg: str) -> list[str]:
    return re.findall(' d="([^"]*)"', svg)


def test_a_line_leads_through_its_panel_and_stops_where_a_value_is_missing() -> None:
    line = LINE | {"x": np.float32([0, 10, 5, 5, 10]), "y": np.float32([0, 1, np.nan, 0, 1])}
    svg = shown(line)
    assert paths(svg) == ["M0 4000L2000 0M1000 4000L2000 0"]
    assert 'stroke="#123456" stroke-width="2.0"' in svg


def test_a_second_panel_and_a_logarithmic_axis_are_understood() -> None:
    second = {"range": [-1, 1], "domain": [0.5, 1]}
    line = LINE | {"x": [0, 1], "y": [0.1, 10], "xaxis": "x2", "yaxis": "y2"}
    svg = shown(line, xaxis2=second, yaxis2={"type": "log", "range": [-1, 1], "domain": [0, 0.5]})
    assert paths(svg) == ["M3000 4000L4000 2000"]


def test_areas_go_down_to_zero_or_back_along_the_line_before() -> None:
    upper = LINE | {"x": [0, 10], "y": [1, 1], "fill": "tozeroy", "fillcolor": "red"}
    lower = LINE | {"x": [0, 10], "y": [0.5, 0.5], "fill": "tonexty", "fillcolor": "red"}
    area, _, between, _ = paths(shown(upper, lower))
    assert area == "M0 0L2000 0L2000 4000L0 4000Z"
    assert between == "M0 2000L2000 2000L2000 0L0 0Z"


def test_dots_are_round_and_as_large_as_their_markers() -> None:
    dots = {"type": "scatter", "mode": "markers", "x": [5.0], "y": [0.5], "marker": {"color": "#0072B2", "size": 7}}
    svg = shown(dots)
    assert paths(svg) == ["M1000 2000h0"]
    assert 'stroke="#0072B2" stroke-width="7"' in svg
    assert "stroke-linecap:round" in svg


def test_it_is_made_once_for_all_viewers() -> None:
    figure = go.Figure(
        data=[LINE | {"x": [0, 1], "y": [0, 1]}],
        layout={
            "height": 90,
            "margin": {"t": 0, "r": 0, "b": 0, "l": 0},
            "xaxis": {"range": [0, 1], "domain": [0, 1]},
            "yaxis": {"range": [0, 1], "domain": [0, 1]},
        },
    )
    ready = Encoded(figure)
    assert ready.preview is ready.preview
