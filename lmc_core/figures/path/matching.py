"""The Matching tab: distances to the partners, mean per layer, similarity in partner order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.matching import Matching, Pairs
from lmc_core.errors import InputError
from lmc_core.figures.palette import Ink, Theme, ThemeName, faded, theme_of
from lmc_core.figures.sheet import LayoutName, Sheet, f32, row_axis, row_room, short
from lmc_core.words import numbers

_ROW = 24
_PLAIN_ROWS = 9
"""More layers than this make the figure taller, and are drawn without their numbers."""
_FEW = 6
"""Up to so many pairs every number of them has its line."""


def matching_figure(
    matchings: Mapping[str, Matching],
    group: str,
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Histogram and similarity of one group beside the mean squared distance of all groups.

    Raises InputError for a group that was not measured.
    """
    if group not in matchings:
        raise InputError(f"there is no matching of group {group!r}; there are {', '.join(matchings)}")
    ink, chosen, narrow = theme_of(theme), matchings[group], layout == "narrow"
    rows = max(0, len(matchings) - _PLAIN_ROWS) * _ROW
    sheet = Sheet(ink, (900 if narrow else 400) + rows, standalone, layout)
    room = row_room([m.label for m in matchings.values()], layout)
    if narrow:
        boxes = [(0.0, 1.0, 0.76, 1.0), (room, 1.0, 0.39, 0.66), (0.0, 0.48, 0.08, 0.26), (0.52, 1.0, 0.08, 0.26)]
    else:
        part = (1.0 - room - 0.07) / 4
        start = part + 0.02 + room
        low = 1 - min(1.0, 960 * (part - 0.008) / sheet.pixels(1))  # square in a common window
        boxes = [(0.0, part, 0, 1), (start, start + part, 0, 1), (1.008 - 2 * part, 1 - part, low, 1)]
        boxes.append((1.008 - part, 1.0, low, 1))
    _histogram(sheet, boxes[0], chosen, ink)
    _lollipops(sheet, boxes[1], matchings, list(matchings).index(group), ink)
    _similarity(sheet, boxes[2:], chosen, ink, narrow)
    return sheet.figure()


def _histogram(sheet: Sheet, box: Any, m: Matching, ink: Theme) -> None:
    seen = "as the data sees it" if m.metric == "data" else "between weights"
    top = 1.3 * max(1, int(m.before.counts.max()), int(m.after.counts.max()))
    panel = sheet.panel(
        box,
        f"<b>Distance to the partner</b>, {short(m.label, 22)}",
        {"title": f"distance, {seen}", "range": [0, 1.01 * float(m.edges[-1])], "nticks": 5},
        {"title": "pairs", "range": [0, top]} | ({"nticks": 6} if top > _FEW else {"dtick": 1}),
    )
    sides: tuple[tuple[str, Pairs, Ink], ...] = (("before", m.before, ink.naive), ("after", m.after, ink.aligned))
    for _, pairs, colour in sides:
        x = np.repeat(m.edges, 2)
        y = np.concatenate([[0], np.repeat(pairs.counts, 2), [0]])
        sheet.add(
            panel,
            mode="lines",
            x=f32(x),
            y=f32(y),
            line={"color": colour.mark, "width": 2},
            fill="tozeroy",
            fillcolor=faded(colour.mark, 0.13),
        )
    for number, (name, pairs, colour) in enumerate(sides):  # above all bars, which lie anywhere
        words = f"<b>{name}</b> {numbers.loss(pairs.mean)}"
        sheet.text(panel, float(m.edges[-1]), top * (0.97 - 0.09 * number), words, colour, textposition="bottom left")


def _lollipops(sheet: Sheet, box: Any, matchings: Mapping[str, Matching], chosen: int, ink: Theme) -> None:
    every = list(matchings.values())
    top = max([1e-12, *(max(m.cost.before, m.cost.after) for m in every)])
    panel = sheet.panel(
        box,
        "<b>Mean squared distance</b>",
        {"title": "‖A − partner‖², per layer", "range": [0, 1.6 * top], "nticks": 5},
        row_axis([m.label for m in every], chosen=chosen if len(every) > 1 else None),
    )
    sides = (("before", -0.15, "diamond", ink.naive), ("after", 0.15, "circle", ink.aligned))
    for name, shift, symbol, colour in sides:
        values = [getattr(m.cost, name) for m in every]
        rows = np.arange(len(every)) + shift
        gap = np.full(len(every), np.nan)
        stems = np.stack([np.zeros(len(every)), values, gap], axis=1).reshape(-1)
        line = {"color": colour.mark, "width": 2.4}
        sheet.add(panel, mode="lines", x=f32(stems), y=f32(np.stack([rows, rows, gap], axis=1).reshape(-1)), line=line)
        sheet.add(
            panel,
            mode="markers",
            x=f32(values),
            y=f32(rows),
            cliponaxis=False,
            marker={"symbol": symbol, "size": 10, "color": colour.mark, "line": {"color": ink.halo, "width": 0.5}},
            customdata=[m.label for m in every],
            hovertemplate=f"<b>%{{customdata}}</b>, {name}<br>%{{x:.3f}}<extra></extra>",
        )
    best = [(k + 0.15, m.cost.best, m.label) for k, m in enumerate(every) if m.cost.best is not None]
    if best:
        sheet.add(
            panel,
            mode="markers",
            x=f32([value for _, value, _ in best]),
            y=f32([row for row, _, _ in best]),
            marker={"symbol": "line-ns-open", "size": 15, "color": ink.grey.mark, "line": {"width": 1.4}},
            customdata=[label for *_, label in best],
            hovertemplate="<b>%{customdata}</b><br>no matching gets below %{x:.3f}<extra></extra>",
        )
        sheet.note("│ the least any matching could reach", box[0], box[2], yshift=-66)
    if len(every) > _PLAIN_ROWS:
        return
    for name, shift, _, colour in sides:
        for row, m in enumerate(every):
            value = float(getattr(m.cost, name))
            sheet.label(panel, (value, row + shift), numbers.loss(value), colour, size=12, side="right", along="x")


def _similarity(sheet: Sheet, boxes: Any, m: Matching, ink: Theme, narrow: bool) -> None:
    top = max(0.05, float(np.quantile([m.before.similarity, m.after.similarity], 0.998)))
    size = len(m.after.similarity)
    for box, pairs, title, colour in (
        (boxes[0], m.before, "<b>Similarity</b>, before", ink.naive),
        (boxes[1], m.after, "after", ink.aligned),
    ):
        bare = {"showticklabels": False, "showgrid": False}
        panel = sheet.panel(
            box,
            title,
            bare | {"range": [-0.5, size - 0.5], "title": "B, in partner order"},
            bare | {"range": [size - 0.5, -0.5]} | ({"title": "A, sorted"} if pairs is m.before else {}),
        )
        sheet.add(
            panel,
            type="heatmap",
            z=f32(pairs.similarity),
            zmin=0,
            zmax=top,
            colorscale=[list(stop) for stop in ink.sequential],
            showscale=False,
            hovertemplate="cosine %{z:.2f}<extra></extra>",
        )
        words = f"<span style='color:{colour.text}'>cosine of partners {numbers.loss(pairs.cosine)}</span>"
        sheet.note(words, box[0], box[2], yshift=-44, font={"size": 12, "color": ink.neutral})
    text = f"Cosine over all directions, 0 to {top:.2f};<br>sorted by the first component of A."
    sheet.note(text, boxes[0][0], boxes[0][2], yshift=-48, yanchor="top", align="left")
