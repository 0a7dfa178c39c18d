"""What a browser gets of a figure: its lines and dots at first, the whole encoded once, and how it may be handled."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

Points = NDArray[np.float64]

SIDE = 4000  # of the picture, whatever the size of the figure: strokes do not scale with it
_STYLE = "path{vector-effect:non-scaling-stroke;stroke-linecap:round;fill:none}"
_DASHES = {"dash": "7 5", "dot": "2 3", "dashdot": "7 4 2 4", "longdash": "11 5", "longdashdot": "11 4 2 4"}
_REMOVED = ["select2d", "lasso2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"]


def plotly_config(filename: str = "mode-connectivity", *, phone: bool = False) -> dict[str, Any]:
    """plotly's `config`: a download button on hover and nothing else; no bar at all on a phone."""
    return {
        "displaylogo": False,
        "scrollZoom": False,
        "doubleClick": False,
        "responsive": True,
        "displayModeBar": False if phone else "hover",
        "modeBarButtonsToRemove": list(_REMOVED),
        "toImageButtonOptions": {"format": "svg", "filename": filename},
    }


class Encoded(go.Figure):
    """A figure as a dictionary, made when it is built: whoever sends it to many neither checks nor encodes it again.

    Checking every trace of every frame takes most of the time in which a page is drawn.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__()
        self._encoded: dict[str, Any] = figure.to_dict()

    @cached_property
    def preview(self) -> str:
        """Its lines and dots as HTML, for a browser that has not loaded the library for figures yet."""
        return preview(self._encoded)

    def to_dict(self) -> dict[str, Any]:
        return self._encoded


def preview(figure: Mapping[str, Any]) -> str:
    """Every scatter trace of a figure with fixed axes, on the places where plotly will draw it, as HTML.

    figure   what `go.Figure.to_dict` says; other kinds of traces, words and axes are left out
    """
    layout = figure["layout"]
    margin = layout["margin"]
    drawn = "".join(_paths(figure["data"], layout))
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none">'
        f"<style>{_STYLE}</style>{drawn}</svg>"
    )
    room = " ".join(f"{margin[side]}px" for side in "trbl")
    encoded = base64.b64encode(picture.encode()).decode()
    return (
        f'<div class="at-once" style="height:{layout["height"]}px;padding:{room}">'
        f'<img alt="" width="100%" height="100%" src="data:image/svg+xml;base64,{encoded}"></div>'
    )


def _paths(traces: list[Mapping[str, Any]], layout: Mapping[str, Any]) -> Iterator[str]:
    before: Points | None = None
    for trace in traces:
        if trace.get("type") != "scatter" or "x" not in trace or "y" not in trace:
            continue
        x, y = (_placed(trace, layout, side) for side in "xy")
        points = np.stack([x, y], axis=1)
        mode = trace.get("mode", "lines")
        if "fillcolor" in trace:
            yield _path(_closed(points, before, trace, layout), f'style="fill:{trace["fillcolor"]}"')
        if "lines" in mode:
            line = trace.get("line", {})
            dash = line.get("dash", "solid")
            dashes = _DASHES.get(dash, dash.replace("px", "").replace(",", " "))
            solid = "" if dash == "solid" else f' stroke-dasharray="{dashes}"'
            yield _path(_joined(points), f'stroke="{line.get("color", "none")}" stroke-width="{_width(line)}"{solid}')
        if "markers" in mode:
            marker = trace["marker"]
            look = f'stroke="{marker["color"]}" stroke-width="{marker["size"]}" opacity="{marker.get("opacity", 1)}"'
            yield _path("".join(f"M{a:.0f} {b:.0f}h0" for a, b in points if np.isfinite(a + b)), look)
        before = points


def _placed(trace: Mapping[str, Any], layout: Mapping[str, Any], side: str) -> Points:
    """Places along one side, from the left or the top."""
    axis = layout[trace.get(f"{side}axis", side).replace(side, f"{side}axis", 1)]
    values = _values(trace[side])
    if axis.get("type") == "log":
        values = np.log10(values)
    (low, high), (start, end) = axis["range"], axis["domain"]
    share = start + (end - start) * (values - low) / (high - low)
    return SIDE * (share if side == "x" else 1 - share)


def _values(given: Any) -> Points:
    if isinstance(given, Mapping):  # as plotly sends arrays of numbers
        return np.frombuffer(base64.b64decode(given["bdata"]), np.dtype(given["dtype"])).astype(np.float64)
    return np.asarray(given, np.float64)


def _width(line: Mapping[str, Any]) -> float:
    return float(line.get("width", 2))


def _joined(points: Points) -> str:
    """One line, broken where a place is not known."""
    known = np.isfinite(points.sum(axis=1))
    starts = known & ~np.append(False, known[:-1])
    steps = zip(points, known, starts, strict=True)
    return "".join(f"{'M' if start else 'L'}{x:.0f} {y:.0f}" for (x, y), here, start in steps if here)


def _closed(points: Points, before: Points | None, trace: Mapping[str, Any], layout: Mapping[str, Any]) -> str:
    """The area between a line and the one before it, or the zero of an axis."""
    if trace.get("fill") == "tonexty" and before is not None:
        back = before[::-1]
    else:
        side = 1 if trace.get("fill") == "tozeroy" else 0
        back = points[::-1].copy()
        back[:, side] = _placed({**trace, "xy"[side]: np.zeros(len(points))}, layout, "xy"[side])
    return f"{_joined(np.concatenate([points, back]))}Z"


def _path(drawn: str, look: str) -> str:
    return f'<path d="{drawn}" {look}/>'
