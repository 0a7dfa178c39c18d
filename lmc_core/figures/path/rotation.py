"""The principal angles of a rotation that aligned one group."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.matching import Matching
from lmc_core.errors import InputError
from lmc_core.figures.palette import ThemeName, faded, theme_of
from lmc_core.figures.sheet import LayoutName, Sheet, f32, short

BINS = 18


def rotation_figure(
    matching: Matching, *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """How many principal angles lie in each ten degrees, beside what a random rotation would have.

    Raises InputError for a group that was not rotated.
    """
    if matching.angles is None:
        raise InputError(f"group {matching.group!r} was not rotated, so it has no angles")
    ink = theme_of(theme)
    counts, edges = np.histogram(matching.angles, BINS, (0, 180))
    even = len(matching.angles) / BINS
    top = 1.35 * max(even, int(counts.max()))
    sheet = Sheet(ink, 280, standalone)
    panel = sheet.panel(
        (0.0, 1.0 if layout == "narrow" else 0.6, 0, 1),
        f"<b>Rotation</b>, {short(matching.label, 22)}",
        {"title": "principal angle, degrees", "range": [0, 180], "tickvals": [0, 45, 90, 135, 180]},
        {"title": "directions", "range": [0, top], "nticks": 5},
    )
    mark = ink.aligned.mark
    sheet.add(
        panel,
        mode="lines",
        x=f32(np.repeat(edges, 2)),
        y=f32(np.concatenate([[0], np.repeat(counts, 2), [0]])),
        line={"color": mark, "width": 2},
        fill="tozeroy",
        fillcolor=faded(mark, 0.13),
    )
    line = {"color": ink.grey.mark, "width": 1.4, "dash": "dash"}
    sheet.add(panel, mode="lines", x=f32(np.array([0, 180])), y=f32(np.array([even, even])), line=line)
    sheet.text(panel, 178, top, "╌ a random rotation", ink.grey, textposition="bottom left")
    return sheet.figure()
