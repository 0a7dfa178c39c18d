"""The table of an experiment as a picture: curves over a number, or dots with bars beside their names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lmc_core.figures.compare import DASHES, SYMBOLS
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import MARGIN, Sheet, columns

Row = Mapping[str, Any]
CURVES = 460  # height of a panel of curves
LABEL, DOT = 30, 15  # heights of a name in a list of dots, and of a dot
GAP = 60  # between panels


def experiment_figure(
    rows: Sequence[Row],
    *,
    x: str,
    y: str,
    line: str | None = None,
    error: str | None = None,
    panel: str | None = None,
    also: str | None = None,
    lower: bool = False,
    least: float | None = None,
    theme: ThemeName = "light",
    standalone: bool = False,
) -> go.Figure:
    """Column `y` over column `x`: where x holds fractions a curve per value of `line`, else a list of dots.

    rows    of the table, by column
    error   half the length of a bar at every point
    panel   one panel per value of this column
    also    a column of values known from elsewhere: rings beside the dots
    lower   smaller is better, which the axis says; it is logarithmic
    least   where the axis starts; values below are written at its edge
    """
    ink = theme_of(theme)
    shown = [row for row in rows if isinstance(row[y], (int, float))]
    curves = all(isinstance(row[x], float) for row in shown)
    lines = _values(shown, line)
    looks = {
        name: {"color": ink.methods[k % len(ink.methods)], "dash": DASHES[k % 6], "symbol": SYMBOLS[k % len(SYMBOLS)]}
        for k, name in enumerate(lines)
    }
    parts = [(name, [row for row in shown if panel is None or row[panel] == name]) for name in _values(shown, panel)]
    heights = [CURVES if curves else _height(part, x, line) for _, part in parts]
    sheet = Sheet(ink, round(sum(heights) + GAP * (len(parts) - 1)) + MARGIN[1] + MARGIN[3], standalone)
    named = f"{y}, smaller is better" if lower else y
    across = _range(shown, y, error, also, lower=lower, least=least)
    top = 1.0
    for (name, part), height, box in zip(parts, heights, columns([(0.0, 1.0)] * len(parts), True), strict=True):
        share = height / (sum(heights) + GAP * (len(parts) - 1))
        box = (box[0], box[1], max(0.0, top - share), top)
        top -= share + GAP / (sum(heights) + GAP * (len(parts) - 1))
        title = f"<b>{name}</b>, {named}" if panel else f"<b>{named[0].upper()}{named[1:]}</b>"
        if curves:
            number = sheet.panel(box, title, {"title": x, "nticks": 11}, across)
        else:
            places = _places(part, x, line)
            deep = max(places.values(), default=0.0) + DOT
            number = sheet.panel(box, title, across, {"range": [deep, 0], "showticklabels": False, "showgrid": False})
        for key in lines:
            chosen = [row for row in part if line is None or row[line] == key]
            if chosen:
                where = [row[x] if curves else places[row[x], _key(row, line)] for row in chosen]
                _draw(
                    sheet,
                    number,
                    chosen,
                    where,
                    looks[key],
                    curves,
                    x=x,
                    y=y,
                    error=error,
                    least=least,
                    name=str(key or x),
                )
        if not curves:
            _names(sheet, number, part, places, x)
        if also:
            known = [row for row in part if row[also] is not None]
            where = [row[x] if curves else places[row[x], _key(row, line)] for row in known]
            _rings(sheet, number, [row[also] for row in known], where, curves, also)
    return _legend(sheet, [*([str(name) for name in lines] if line else []), *([also] if also else [])], curves)


def _draw(
    sheet: Sheet,
    panel: int,
    rows: Sequence[Row],
    where: Sequence[float],
    look: Mapping[str, str],
    curves: bool,
    *,
    x: str,
    y: str,
    error: str | None,
    least: float | None,
    name: str,
) -> None:
    inside = [least is None or row[y] >= least for row in rows]
    values = [row[y] if shown else least for row, shown in zip(rows, inside, strict=True)]
    lengths = [(row[error] or 0) if error and shown else 0 for row, shown in zip(rows, inside, strict=True)]
    bars = {"type": "data", "array": lengths, "visible": bool(error), "thickness": 1.4, "width": 4}
    written = [f"{row[y]:.2%}" if "accuracy" in y else f"{row[y]:.4g}" for row in rows]
    told = [(f"{row[x]:g}" if curves else str(row[x]), said) for row, said in zip(rows, written, strict=True)]
    sheet.add(
        panel,
        mode="lines+markers" if curves else "markers+text",
        x=list(where) if curves else values,
        y=values if curves else list(where),
        **{"error_y" if curves else "error_x": bars | {"color": look["color"]}},
        line={"color": look["color"], "width": 2.2, "dash": look["dash"]},
        marker={
            "color": look["color"],
            "symbol": [look["symbol"] if shown else "triangle-left-open" for shown in inside],
            "size": 8,
        },
        text=["" if shown else said for shown, said in zip(inside, written, strict=True)],
        textposition="middle right",
        textfont={"size": 11, "color": look["color"]},
        customdata=told,
        name=name,
        legendgroup=name,
        hovertemplate=f"<b>{name}</b><br>{x} %{{customdata[0]}}<br>{y} %{{customdata[1]}}<extra></extra>",
    )


def _rings(sheet: Sheet, panel: int, values: Sequence[float], where: Sequence[float], curves: bool, name: str) -> None:
    sheet.add(
        panel,
        mode="markers",
        x=list(where) if curves else list(values),
        y=list(values) if curves else list(where),
        marker={"color": sheet.theme.text, "symbol": "circle-open", "size": 13, "line": {"width": 1.6}},
        name=name,
        hovertemplate=f"{name} %{{{'y' if curves else 'x'}:.4g}}<extra></extra>",
    )


def _key(row: Row, line: str | None) -> Any:
    return row[line] if line else None


def _values(rows: Sequence[Row], column: str | None) -> list[Any]:
    """Of a column, in the order in which they appear."""
    return list(dict.fromkeys(row[column] for row in rows)) if column else [None]


def _places(rows: Sequence[Row], x: str, line: str | None) -> dict[tuple[Any, Any], float]:
    """(x, line) → depth in pixels: under each name its dots, one line each."""
    depth, found = 0.0, {}
    for name in _values(rows, x):
        depth += LABEL
        for row in rows:
            if row[x] == name:
                found[name, _key(row, line)] = depth
                depth += DOT
    return found


def _height(rows: Sequence[Row], x: str, line: str | None) -> float:
    return max(_places(rows, x, line).values(), default=0.0) + DOT


def _names(sheet: Sheet, panel: int, rows: Sequence[Row], places: Mapping[tuple[Any, Any], float], x: str) -> None:
    """Each name above its dots, at the left edge."""
    for name in _values(rows, x):
        first = min(depth for (at, _), depth in places.items() if at == name)
        sheet.notes.append(
            {
                "text": str(name),
                "y": first - 7,
                "yanchor": "bottom",
                "font": {"size": 12, "color": sheet.theme.neutral},
                **_left(panel),
            }
        )


def _range(
    rows: Sequence[Row], y: str, error: str | None, also: str | None, *, lower: bool, least: float | None
) -> dict[str, Any]:
    """An axis that holds every value with its bar."""
    ends = [row[y] + sign * ((row[error] or 0) if error else 0) for row in rows for sign in (-1, 1)]
    ends += [row[also] for row in rows if also and row[also] is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    if least is not None:
        low = max(low, least)
    if lower and low > 0:
        ticks = [digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5)]
        ticks = [tick for tick in ticks if low / 1.15 <= tick <= high * 1.15]
        span = [math.log10(low / 1.15), math.log10(high * 1.15)]
        return {"type": "log", "range": span, "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    room = 0.05 * (high - low) or 0.05
    axis: dict[str, Any] = {"range": [low - room, high + room], "nticks": 8}
    if "accuracy" in y:
        axis |= {"tickformat": ".0%" if high - low > 0.08 else ".1%"}
    return axis


def _left(panel: int) -> dict[str, Any]:
    """At the left edge of a panel, y as on its axis."""
    number = panel if panel > 1 else ""
    place = {"x": 0, "xref": f"x{number} domain", "yref": f"y{number}"}
    return place | {"xanchor": "left", "showarrow": False}


def _legend(sheet: Sheet, names: Sequence[str], curves: bool) -> go.Figure:
    for name in names:
        next(trace for trace in sheet.traces if trace["name"] == name)["showlegend"] = True
    figure = sheet.figure()
    below = 30 + 22 * len(names) if names else 0
    height = figure.layout.height + below
    plot = height - MARGIN[1] - MARGIN[3] - below
    figure.update_layout(
        showlegend=bool(names),
        height=height,
        margin={"b": MARGIN[3] + below, "l": MARGIN[0] if curves else 12},
        legend={
            "x": 0,
            "y": -(48 if curves else 34) / plot,
            "yanchor": "top",
            "font": {"size": 12, "color": sheet.theme.neutral},
            "bgcolor": "rgba(0,0,0,0)",
        },
    )
    return figure
