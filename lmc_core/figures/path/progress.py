"""The curves of a run that is still being measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.labels import Side
from lmc_core.figures.palette import Ink, ThemeName, faded, theme_of
from lmc_core.figures.sheet import Sheet, f32, path_axis

HEIGHT = 360


def progress_figure(
    t: Sequence[float],
    naive: Sequence[float | None],
    aligned: Sequence[float | None],
    *,
    band: Mapping[str, Any] | None = None,
    theme: ThemeName = "light",
) -> go.Figure:
    """Test loss along both paths as far as it is known.

    naive, aligned   (n,) losses at t; None where nothing was measured yet
    band             lowest and highest loss of all examples at its own t, as a run's status has them
    """
    ink = theme_of(theme)
    highest = [value for name in ("naive", "aligned") for value in (band[name]["high"] if band else ())]
    known = [value for value in (*naive, *aligned, *highest) if value is not None and np.isfinite(value)]
    top = 1.15 * max(known, default=1.0)
    sheet = Sheet(ink, HEIGHT, standalone=False)
    panel = sheet.panel(
        (0.0, 1.0, 0.0, 1.0),
        "<b>Test loss</b> so far",
        path_axis(ink),
        {"range": [-0.14 * top, top], "nticks": 5},
    )
    named: list[tuple[str, tuple[float, float], Ink]] = []
    for name, values, colour in (("naive", naive, ink.naive), ("aligned", aligned, ink.aligned)):
        if band:
            edges = [*band[name]["high"], *reversed(band[name]["low"])]
            sheet.add(
                panel,
                mode="lines",
                x=f32([*band["t"], *reversed(band["t"])]),
                y=f32(edges),
                line={"color": colour.mark, "width": 0},
                fill="toself",
                fillcolor=faded(colour.mark, ink.fill),
                hoverinfo="skip",
            )
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
        highest_at = int(np.nanargmax(y))
        named.append((name, (float(t[highest_at]), float(y[highest_at])), colour))
    for name, at, colour in named:
        side: Side = "above" if name == "naive" else "below"
        sheet.label(panel, at, f"<b>{name}</b>", colour, size=13, side=side)
    return sheet.figure()
