"""What makes the figure move: frames, the slider with its read-out, the play button. All of it runs in the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lmc_core.figures.palette import Theme
from lmc_core.figures.path.curves import Line
from lmc_core.figures.path.drawing import Drawing
from lmc_core.figures.path.panels import Layout
from lmc_core.figures.path.readout import LINE, Rows, height, read_out

MOST_FRAMES = 25
_AT_ONCE = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
_PLAY = {
    "frame": {"duration": 90, "redraw": False},
    "transition": {"duration": 0},
    "fromcurrent": True,
    "mode": "immediate",
}


def frame_places(t: NDArray[Any]) -> list[int]:
    """Which positions get a frame: all of them, or `MOST_FRAMES` evenly spread ones."""
    count = min(MOST_FRAMES, len(t))
    return [int(k) for k in np.unique(np.linspace(0, len(t) - 1, count).round())]


def frame_name(t: float) -> str:
    """The key that joins a slider step to its frame."""
    return f"t={t:.4f}"


def frames(drawing: Drawing, t: NDArray[np.float64]) -> list[go.Frame]:
    """One frame per position, holding only what moves."""
    return [go.Frame(name=frame_name(s), data=drawing.frame(k), traces=drawing.moved) for k, s in enumerate(t)]


def slider(
    place: Layout, paths: tuple[Line, ...], more: Rows, t: NDArray[np.float64], first: int, theme: Theme
) -> dict[str, Any]:
    """The slider over t; each step's label is the read-out of all paths there."""
    x, length, y, pad = place.slider
    return {
        "active": first,
        "x": x,
        "y": y,
        "len": length,
        "xanchor": "left",
        "yanchor": "top",
        "pad": {"t": pad, "b": 0, "l": 0, "r": 0},
        "bgcolor": theme.rail,
        "activebgcolor": theme.grey.mark,
        "bordercolor": theme.rail,
        "borderwidth": 0,
        "ticklen": 0,
        "minorticklen": 0,
        "tickwidth": 0,
        # tick labels are the read-outs too: they are hidden, and the current value needs a colour of its own
        "font": {"color": "rgba(0,0,0,0)", "size": 1},
        "currentvalue": {
            "prefix": "t = ",
            "xanchor": "left",
            "offset": 8,
            "font": {"color": theme.neutral, "size": 12.5},
        },
        "transition": {"duration": 0},
        "steps": [
            {"method": "animate", "args": [[frame_name(s)], _AT_ONCE], "label": read_out(s, paths, more)} for s in t
        ],
    }


def play_button(place: Layout, more: Rows, theme: Theme) -> dict[str, Any]:
    """▶ left of the slider: plays from where it is, and pauses."""
    x, _, y, pad = place.slider
    return {
        "type": "buttons",
        # with the default 0 the first click counts as the second and pauses
        "active": -1,
        "showactive": False,
        "x": x,
        "y": y,
        "xanchor": "right",
        "yanchor": "top",
        "pad": {"t": pad + LINE + height(more), "r": 6, "b": 0, "l": 0},
        "bgcolor": "rgba(0,0,0,0)",
        "borderwidth": 0,
        "font": {"size": 16, "color": theme.neutral},
        "buttons": [
            {"label": "▶", "method": "animate", "args": [None, _PLAY], "args2": [[None], _AT_ONCE]},
        ],
    }
