"""Plain side-by-side panels: what the figures of the tabs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from lmc_core.figures.palette import Theme
from lmc_core.figures.standalone import paper

Box = tuple[float, float, float, float]
MARGIN = (48, 34, 6, 66)
"""Left, top, right, bottom in pixels."""


@dataclass
class Sheet:
    """A figure of a few panels under construction; panel k (from 1) uses the axes xk, yk.

    height    in pixels
    """

    theme: Theme
    height: int
    standalone: bool
    traces: list[dict[str, Any]] = field(default_factory=list)
    axes: dict[str, Any] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    panels: int = 0

    def panel(self, box: Box, title: str, x: dict[str, Any], y: dict[str, Any]) -> int:
        """Add a panel with its title at the left edge; returns its number."""
        self.panels += 1
        k = self.panels
        bare = {
            "showline": False,
            "zeroline": False,
            "ticks": "",
            "fixedrange": True,
            "automargin": False,
            "showgrid": True,
            "gridcolor": self.theme.grid,
            "tickfont": {"size": 11, "color": self.theme.ticks},
        }
        self.axes[f"xaxis{k}"] = bare | {"domain": list(box[:2]), "anchor": f"y{k}"} | _titled(x, self.theme)
        self.axes[f"yaxis{k}"] = bare | {"domain": list(box[2:]), "anchor": f"x{k}"} | _titled(y, self.theme)
        font = {"size": 13} | ({"color": self.theme.text} if self.standalone else {})
        self.note(title, box[0], box[3], yshift=6, font=font)
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

    def figure(self) -> go.Figure:
        left, top, right, bottom = MARGIN
        return go.Figure(
            data=self.traces,
            layout={
                "template": "none",
                "height": self.height,
                "margin": {"l": left, "t": top, "r": right, "b": bottom, "autoexpand": False},
                "dragmode": False,
                "hovermode": "closest",
                "showlegend": False,
                "annotations": self.notes,
                **self.axes,
                **paper(self.theme, self.standalone),
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
    """A label that fits beside an axis: its end, where it differs from its neighbours."""
    return label if len(label) <= most else "…" + label[1 - most :]


def _titled(axis: dict[str, Any], theme: Theme) -> dict[str, Any]:
    said = axis.get("title")
    if not isinstance(said, str):
        return axis
    return axis | {"title": {"text": said, "standoff": 12, "font": {"size": 11, "color": theme.neutral}}}
