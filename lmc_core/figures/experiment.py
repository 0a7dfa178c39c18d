"""The table of an experiment as a picture: curves over a number, or dots with bars beside their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from lmc_core.figures.chart import Chart
from lmc_core.figures.palette import ThemeName, look, theme_of
from lmc_core.figures.sheet import MARGIN, Sheet, legend_look, log_axis

Row = Mapping[str, Any]
CURVES = 460  # height of a panel of curves
LABEL, DOT = 30, 15  # heights of a name in a list of dots, and of a dot
GAP, TITLE = 60, 30  # between panels, and more where the axis has a title


def experiment_figure(
    rows: Sequence[Row], chart: Chart, *, theme: ThemeName = "light", standalone: bool = False
) -> go.Figure:
    """A table as its chart says; `rows` by column. Rows without a y are left out."""
    shown = [row for row in rows if isinstance(row[chart.y], (int, float))]
    curves = all(isinstance(row[chart.x], float) for row in shown)
    names = _values(shown, chart.panel)
    parts = [_Part(chart, [row for row in shown if _key(row, chart.panel) == name], curves) for name in names]
    gap = GAP + TITLE * curves
    height = sum(part.height for part in parts) + gap * (len(parts) - 1)
    sheet = Sheet(theme_of(theme), round(height) + MARGIN[1] + MARGIN[3], standalone)
    across = _range(shown, chart)
    lines = _values(shown, chart.line)
    top = height
    for name, part in zip(names, parts, strict=True):
        box = (0.0, 1.0, max(0.0, (top - part.height) / height), top / height)
        number = sheet.panel(box, _title(chart, name), *part.axes(_range(part.rows, chart) if chart.apart else across))
        for place, line in enumerate(lines):
            if chosen := [row for row in part.rows if _key(row, chart.line) == line]:
                _points(sheet, number, part, chosen, place, str(line or chart.x))
        if chart.also:
            _rings(sheet, number, part, chart.also)
        if not curves:
            _names(sheet, number, part)
        top -= part.height + gap
    legend = [str(line) for line in lines] if chart.line else []
    return _finished(sheet, [*legend, *([chart.also] if chart.also else [])], curves)


@dataclass(frozen=True)
class _Part:
    """The rows of one panel: curves, or a list of names with their dots below them."""

    chart: Chart
    rows: Sequence[Row]
    curves: bool

    @property
    def depths(self) -> dict[tuple[Any, Any], float]:
        """(x, line) → pixels from the top."""
        depth, found = 0.0, {}
        for name in _values(self.rows, self.chart.x):
            depth += LABEL
            for row in self.rows:
                if row[self.chart.x] == name:
                    found[name, _key(row, self.chart.line)] = depth
                    depth += DOT
        return found

    @property
    def height(self) -> float:
        return CURVES if self.curves else max(self.depths.values(), default=0.0) + DOT

    def axes(self, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of x and y; a list of dots runs down, its values across."""
        if self.curves:
            across = [row[self.chart.x] for row in self.rows]
            scale = log_axis(min(across), max(across)) if self.chart.powers else {"nticks": 11}
            return {"title": self.chart.x, **scale}, values
        return values, {"range": [self.height, 0], "showticklabels": False, "showgrid": False}

    def points(self, rows: Sequence[Row], values: Sequence[Any]) -> dict[str, list[Any]]:
        """x and y of a trace."""
        if self.curves:
            return {"x": [row[self.chart.x] for row in rows], "y": list(values)}
        depths = self.depths
        where = [depths[row[self.chart.x], _key(row, self.chart.line)] for row in rows]
        return {"x": list(values), "y": where}


def _points(sheet: Sheet, panel: int, part: _Part, rows: Sequence[Row], place: int, name: str) -> None:
    """The points of one line, number `place` of the figure; those below the axis as arrows at its edge."""
    chart, ink = part.chart, sheet.theme
    drawn = look(place, ink)
    inside = [chart.least is None or row[chart.y] >= chart.least for row in rows]
    values = [row[chart.y] if shown else chart.least for row, shown in zip(rows, inside, strict=True)]
    lengths = [(_key(row, chart.error) or 0) if shown else 0 for row, shown in zip(rows, inside, strict=True)]
    written = [_written(chart, row[chart.y]) for row in rows]
    bars = {"type": "data", "array": lengths, "visible": bool(chart.error), "thickness": 1.4, "width": 4}
    sheet.add(
        panel,
        mode="lines+markers" if part.curves else "markers+text",
        **part.points(rows, values),
        **{"error_y" if part.curves else "error_x": bars | {"color": drawn.colour}},
        line={"color": drawn.colour, "width": 2.2, "dash": drawn.dash},
        marker={
            "color": drawn.colour,
            "symbol": [drawn.symbol if shown else "triangle-left-open" for shown in inside],
            "size": 8,
        },
        text=["" if shown else value for shown, value in zip(inside, written, strict=True)],
        textposition="middle right",
        textfont={"size": 11, "color": drawn.colour},
        customdata=[
            (f"{row[chart.x]:g}" if part.curves else str(row[chart.x]), value)
            for row, value in zip(rows, written, strict=True)
        ],
        name=name,
        legendgroup=name,
        hovertemplate=f"<b>{name}</b><br>{chart.x} %{{customdata[0]}}<br>{chart.y} %{{customdata[1]}}<extra></extra>",
    )


def _rings(sheet: Sheet, panel: int, part: _Part, column: str) -> None:
    """Values known from elsewhere."""
    known = [row for row in part.rows if row[column] is not None]
    sheet.add(
        panel,
        mode="markers",
        **part.points(known, [row[column] for row in known]),
        marker={"color": sheet.theme.text, "symbol": "circle-open", "size": 13, "line": {"width": 1.6}},
        name=column,
        hovertemplate=f"{column} %{{{'y' if part.curves else 'x'}:.4g}}<extra></extra>",
    )


def _names(sheet: Sheet, panel: int, part: _Part) -> None:
    """Each name above its dots, at the left edge."""
    axis = panel if panel > 1 else ""
    for name in _values(part.rows, part.chart.x):
        first = min(depth for (at, _), depth in part.depths.items() if at == name)
        sheet.notes.append(
            {
                "text": str(name),
                "x": 0,
                "y": first - 7,
                "xref": f"x{axis} domain",
                "yref": f"y{axis}",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": sheet.theme.neutral},
            }
        )


def _title(chart: Chart, panel: Any) -> str:
    named = f"{chart.y}, smaller is better" if chart.lower else chart.y
    if chart.apart:
        return f"<b>{panel}</b>"
    return f"<b>{panel} {chart.panel}</b>, {named}" if chart.panel else f"<b>{named[0].upper()}{named[1:]}</b>"


def _written(chart: Chart, value: float) -> str:
    return f"{value:.2%}" if "accuracy" in chart.y else f"{value:.4g}"


def _key(row: Row, column: str | None) -> Any:
    return row[column] if column else None


def _values(rows: Sequence[Row], column: str | None) -> list[Any]:
    """Of a column, in the order in which they appear."""
    return list(dict.fromkeys(row[column] for row in rows)) if column else [None]


def _range(rows: Sequence[Row], chart: Chart) -> dict[str, Any]:
    """An axis that holds every value with its bar."""
    ends = [row[chart.y] + sign * (_key(row, chart.error) or 0) for row in rows for sign in (-1, 1)]
    ends += [row[chart.also] for row in rows if chart.also and row[chart.also] is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    if chart.least is not None:
        low = max(low, chart.least)
    if chart.lower and low > 0:
        return log_axis(low, high)
    room = 0.05 * (high - low) or 0.05
    axis: dict[str, Any] = {"range": [low - room, high + room], "nticks": 8}
    if "accuracy" in chart.y:
        axis |= {"tickformat": ".0%" if high - low > 0.08 else ".1%"}
    return axis


def _finished(sheet: Sheet, named: Sequence[str], curves: bool) -> go.Figure:
    """The figure with its legend below."""
    for name in named:
        next(trace for trace in sheet.traces if trace["name"] == name)["showlegend"] = True
    figure = sheet.figure()
    below = 30 + 22 * len(named) if named else 0
    plot = figure.layout.height - MARGIN[1] - MARGIN[3]
    figure.update_layout(
        showlegend=bool(named),
        height=figure.layout.height + below,
        margin={"b": MARGIN[3] + below, "l": MARGIN[0] if curves else 12},
        legend={
            "x": 0,
            "y": -(48 if curves else 34) / plot,
            "yanchor": "top",
            **legend_look(sheet.theme),
        },
    )
    return figure
