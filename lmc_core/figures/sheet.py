"""What all figures share: panels side by side, their axes and labels, the page behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.figures import labels
from lmc_core.figures.palette import Ink, Theme

LayoutName = Literal["wide", "narrow"]
Box = tuple[float, float, float, float]
"""x0, x1, y0, y1 in shares of the plotting area."""
MARGIN = (48, 34, 6, 66)
"""Left, top, right, bottom in pixels."""
FONT = "'Source Sans 3', 'Source Sans Pro', 'Source Sans', system-ui, -apple-system, 'Segoe UI', sans-serif"
LEGEND_ROW = 29
"""Pixels of a row of a legend."""
_LEGEND: Mapping[LayoutName, int] = {"wide": 650, "narrow": 300}
"""Pixels from the left to the right end of a row in the narrowest figure."""
LEAST: Mapping[LayoutName, int] = {"wide": 684, "narrow": 306}
"""Pixels of the plotting area in the narrowest figure."""
_ROOM: Mapping[LayoutName, float] = {"wide": 0.085, "narrow": 0.14}
ROW_LABEL, _ROW_LETTER = 26, 5.0
"""Letters of a label beside an axis, and pixels of one of them."""
_ENTRY, _LETTER = 52, 6.6
"""Pixels of an entry without its words, and of a letter."""
QUIET = {"showline": False, "zeroline": False, "ticks": "", "fixedrange": True, "automargin": False}
"""An axis without lines of its own, that nobody moves."""


@dataclass
class Sheet:
    """A figure of a few panels under construction; panel k (from 1) uses the axes xk, yk.

    height    in pixels
    layout    by which labels know how narrow their panel can be
    ink       number of a trace → what of its panel it covers, as far as a label asked for it
    """

    theme: Theme
    height: int
    standalone: bool
    layout: LayoutName = "narrow"
    traces: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, Any] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    panels: int = 0
    ink: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def panel(self, box: Box, title: str, x: dict[str, Any], y: dict[str, Any], *, left: float | None = None) -> int:
        """Add a panel with its title at the left edge, or from `left` on; returns its number."""
        self.panels += 1
        k = self.panels
        ticks = {"size": 11, "color": self.theme.ticks}
        bare = QUIET | {"showgrid": True, "gridcolor": self.theme.grid, "tickfont": ticks}
        self.axes[f"xaxis{k}"] = bare | {"domain": list(box[:2]), "anchor": f"y{k}"} | _titled(x, self.theme)
        self.axes[f"yaxis{k}"] = bare | {"domain": list(box[2:]), "anchor": f"x{k}"} | _titled(y, self.theme)
        self.note(
            title, box[0] if left is None else left, box[3], yshift=6, font=title_font(self.theme, self.standalone)
        )
        return k

    def note(self, text: str, x: float, y: float, **changes: Any) -> None:
        """Text at a place in shares of the plotting area; neutral grey unless told otherwise."""
        self.notes.append(
            {
                "text": text,
                "x": x,
                "y": y,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 11, "color": self.theme.neutral},
                **changes,
            }
        )

    def add(self, panel: int, **trace: Any) -> None:
        """Draw one trace; it tells nothing on hover unless it has a template."""
        if "hovertemplate" not in trace:
            trace["hoverinfo"] = "skip"
        place = {"xaxis": f"x{panel}", "yaxis": f"y{panel}"}
        quiet = {} if trace.get("type") == "heatmap" else {"showlegend": False}
        self.traces.append({"type": "scatter"} | quiet | place | trace)

    def text(self, panel: int, x: float, y: float, words: str, ink: Ink, **changes: Any) -> None:
        """Words in a panel, in the colour of what they name."""
        look = {"textposition": "top center", "textfont": {"color": ink.text, "size": 12.5}}
        self.add(panel, mode="text", x=f32([x]), y=f32([y]), text=[words], **look | changes)

    def label(
        self,
        panel: int,
        at: tuple[float, float],
        words: str,
        ink: Ink,
        *,
        size: float = 12.5,
        side: labels.Side = "above",
        along: Literal["x", "y"] | None = None,
    ) -> None:
        """Words beside a place in a panel, clear of all that is drawn there so far (`labels.place`)."""
        area = self.area(panel)
        here = [number for number, trace in enumerate(self.traces) if trace["xaxis"] == f"x{panel}"]
        for number in here:
            if number not in self.ink:
                self.ink[number] = labels.drawn([self.traces[number]], area)
        drawn = np.concatenate([np.zeros((0, 4)), *(self.ink[number] for number in here)])
        found = labels.place(words, size, at, area, drawn, side=side, along=along)
        look = {"textposition": found.position, "textfont": {"color": ink.text, "size": size}}
        self.text(panel, found.x, found.y, words, ink, **look)

    def area(self, panel: int) -> labels.Area:
        """A panel in the narrowest figure."""
        x, y = (self.axes[f"{side}axis{panel}"] for side in "xy")
        width, height = (axis["domain"][1] - axis["domain"][0] for axis in (x, y))
        logs = x.get("type") == "log", y.get("type") == "log"
        return labels.Area(LEAST[self.layout] * width, self.pixels(height), tuple(x["range"]), tuple(y["range"]), logs)

    def figure(self) -> go.Figure:
        """The figure as it stands."""
        return go.Figure(
            data=self.traces,
            layout={
                **canvas(self.theme, self.height, MARGIN, self.standalone),
                "annotations": self.notes,
                **self.axes,
            },
        )

    def pixels(self, share: float) -> float:
        """A share of the plotting height in pixels."""
        return share * (self.height - MARGIN[1] - MARGIN[3])


def columns(widths: Sequence[tuple[float, float]], narrow: bool, gap: float = 0.1) -> list[Box]:
    """Panels beside each other, or in a narrow figure one under the other."""
    if not narrow:
        return [(x0, x1, 0.0, 1.0) for x0, x1 in widths]
    height = (1 - gap * (len(widths) - 1)) / len(widths)
    tops = [1 - k * (height + gap) for k in range(len(widths))]
    return [(0.0, 1.0, max(0.0, top - height), top) for top in tops]


def short(label: str, most: int = 13) -> str:
    """A label that fits beside an axis: numbers without what they count, and its end, where it differs from others."""
    if len(label) > most:
        label = re.sub(r"\w+ (?=\d+ · )", "", label)
    return label if len(label) <= most else "…" + label[1 - most :]


def f32(values: Any) -> NDArray[np.float32]:
    """float32, which plotly sends as a typed array."""
    return np.ascontiguousarray(values, dtype=np.float32)


def canvas(theme: Theme, height: int, margin: tuple[int, int, int, int], standalone: bool) -> dict[str, Any]:
    """A plotly layout without axes: its size, and no reaction to a mouse but to tell what is under it.

    margin       left, top, right, bottom
    standalone   for files: page and font have the theme's colours, which in the app are left to the page
    """
    left, top, right, bottom = margin
    if standalone:
        paper: dict[str, Any] = {
            "paper_bgcolor": theme.page,
            "plot_bgcolor": theme.page,
            "font": {"family": FONT, "color": theme.text},
            "hoverlabel": {"bgcolor": theme.page, "font": {"color": theme.text}},
        }
    else:
        paper = {"paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR}
    return paper | {
        "template": "none",
        "height": height,
        "margin": {"l": left, "t": top, "r": right, "b": bottom, "autoexpand": False},
        "dragmode": False,
        "hovermode": "closest",
        "showlegend": False,
        "modebar": {"bgcolor": CLEAR, "color": theme.neutral, "activecolor": theme.text},
    }


CLEAR = "rgba(0,0,0,0)"


def title_font(theme: Theme, standalone: bool) -> dict[str, Any]:
    """Of the titles of panels: their colour is the page's own."""
    return {"size": 13} | ({"color": theme.text} if standalone else {})


def legend_look(theme: Theme) -> dict[str, Any]:
    """Of every legend."""
    return {"font": {"size": 12, "color": theme.neutral}, "bgcolor": CLEAR}


def legend_rows(titles: Sequence[str], layout: LayoutName) -> int:
    """Rows of a legend under or over panels, in the narrowest figure of a layout."""
    rows, left, width = 0, 0.0, _LEGEND[layout]
    for title in titles:
        needed = _ENTRY + _LETTER * len(title)
        if needed > left:
            rows, left = rows + 1, float(width)
        left -= needed
    return rows


def path_axis(theme: Theme, room: float = 0.03) -> dict[str, Any]:
    """The axis of t from A to B, with so much room at its ends."""
    ends = [f"<b style='color:{ink.text}'>{name}</b>" for name, ink in (("A", theme.a), ("B", theme.b))]
    ticks = {"tickmode": "array", "tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": [ends[0], "¼", "½", "¾", ends[1]]}
    return {"range": [-room, 1 + room], **ticks}


def row_axis(labels: Sequence[str], shift: float = 0.0, *, chosen: int | None = None) -> dict[str, Any]:
    """The axis of a list from the top; `shift` moves the rows down, in rows; the `chosen` one is bold."""
    places = list(range(len(labels)))
    span = [len(labels) - 0.5 + shift, -0.5 - shift]
    words = [f"<b>{label}</b>" if k == chosen else label for k, label in enumerate(shortest(labels))]
    return {"range": span, "tickmode": "array", "tickvals": places, "ticktext": words}


def row_room(labels: Sequence[str], layout: LayoutName) -> float:
    """Share of the plotting width that the labels of a list need beside their axis, in the narrowest figure."""
    longest = max(map(len, shortest(labels)), default=0)
    return max(_ROOM[layout], (_ROW_LETTER * longest + 12) / LEAST[layout])


def shortest(labels: Sequence[str]) -> list[str]:
    """Labels that fit beside an axis: cut where they are long and stay apart, as they are otherwise."""
    cut = [short(label, ROW_LABEL) for label in labels]
    return cut if len(set(cut)) == len(set(labels)) else list(labels)


def share_axis(top: float, ticks: Sequence[float] = (0, 0.5, 1)) -> dict[str, Any]:
    """The axis of shares from nothing to a little over all."""
    return {"range": [0, top], "tickmode": "array", "tickvals": list(ticks), "ticktext": [f"{t:.0%}" for t in ticks]}


def log_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis that holds both values, with ticks at 1, 2 and 5 times powers of ten, or at multiples of one
    such step where the axis is too short for three of them."""
    bounds = [float(np.log10(low / 1.15)), float(np.log10(high * 1.15))]
    steps = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5)]
    values = [value for value in steps if bounds[0] <= np.log10(value) <= bounds[1]]
    if len(values) < 3:
        first, last = (10.0**bound for bound in bounds)
        step = max((step for step in steps if last - first >= 3 * step), default=(last - first) / 3)
        values = [step * k for k in range(int(np.ceil(first / step)), int(last / step) + 1)]
    return {"type": "log", "range": bounds, "tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def _titled(axis: dict[str, Any], theme: Theme) -> dict[str, Any]:
    said = axis.get("title")
    if not isinstance(said, str):
        return axis
    return axis | {"title": {"text": said, "standoff": 12, "font": {"size": 11, "color": theme.neutral}}}
