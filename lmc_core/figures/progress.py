"""The curves of a run that is still being measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.drawing import f32
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.plain import Sheet

HEIGHT = 360


def progress_figure(
    t: Sequence[float],
    naive: Sequence[float | None],
    aligned: Sequence[float | None],
    *,
    theme: ThemeName = "light",
) -> go.Figure:
    """Test loss along both paths as far as it is known.

    naive, aligned   (n,) losses at t; None where nothing was measured yet
    """
    ink = theme_of(theme)
    known = [value for value in (*naive, *aligned) if value is not None and np.isfinite(value)]
    top = 1.15 * max(known, default=1.0)
    ends = [f"<b style='color:{end.text}'>{name}</b>" for name, end in (("A", ink.a), ("B", ink.b))]
    sheet = Sheet(ink, HEIGHT, standalone=False)
    panel = sheet.panel(
        (0.0, 1.0, 0.0, 1.0),
        "<b>Test loss</b> so far",
        {
            "range": [-0.03, 1.03],
            "tickmode": "array",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": [ends[0], "¼", "½", "¾", ends[1]],
        },
        {"range": [-0.06 * top, top], "nticks": 5},
    )
    for name, values, colour in (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned)):
        y = f32([np.nan if value is None else value for value in values])
        if not np.isfinite(y).any():
            continue
        sheet.add(
            panel,
            mode="lines+markers",
            x=f32(t),
            y=y,
            line={"color": colour.mark, "width": 2.4},
            marker={"color": colour.mark, "size": 5, "symbol": "diamond" if name == "naive" else "circle"},
            hovertemplate=f"<b>{name}</b> so far<br>t = %{{x:.2f}}<br>loss %{{y:.3f}}<extra></extra>",
        )
        at = int(np.nanargmax(y))
        text = {
            "text": [f"<b>{name}</b><br> "],  # an empty line keeps the name off the dots
            "textposition": "top center",
            "textfont": {"color": colour.text, "size": 13},
        }
        sheet.add(panel, mode="text", x=f32([t[at]]), y=f32([y[at]]), **text)
    return sheet.figure()


def progress_alt(naive: Sequence[float | None], aligned: Sequence[float | None]) -> str:
    """What the figure shows, for who does not see it."""
    parts = []
    for name, values in (("naive", naive), ("aligned", aligned)):
        known = [value for value in values if value is not None]
        if known:
            parts.append(f"the {name} path reaches a test loss of {max(known):.2f}")
    return f"So far {' and '.join(parts)}." if parts else "Nothing is measured yet."
