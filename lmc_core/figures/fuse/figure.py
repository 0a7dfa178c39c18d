"""A fusion in one picture: every network's accuracy and loss, beside the paths from the parents to the fused one."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.fuse.networks import CROWD, Standing, parent_ink, standings
from lmc_core.figures.palette import Theme, ThemeName, theme_of
from lmc_core.figures.sheet import LayoutName, Sheet, f32
from lmc_core.fusion.outcome import Outcome, Scores
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers
from lmc_core.words.fuse import letter
from lmc_core.words.measures import measures

HEIGHTS = {"wide": 530, "narrow": 950}
BOTTOM = 30
"""Pixels under the lowest axis."""
STRIPES = 0.03
"""Paths that stay as close as this share of the scale are drawn as stripes, the first ones on top and thinner."""
ASIDE = 0.24
"""How far the mark of the training examples stands beside that of the test examples."""

_WIDE = {
    ("dots", "accuracy"): (0.0, 0.43, 0.42, 1.0),
    ("dots", "loss"): (0.0, 0.43, 0.0, 0.30),
    ("paths", "accuracy"): (0.5, 1.0, 0.42, 1.0),
    ("paths", "loss"): (0.5, 1.0, 0.0, 0.30),
}
_NARROW = {
    ("dots", "accuracy"): (0.0, 1.0, 0.80, 1.0),
    ("dots", "loss"): (0.0, 1.0, 0.575, 0.725),
    ("paths", "accuracy"): (0.0, 1.0, 0.27, 0.49),
    ("paths", "loss"): (0.0, 1.0, 0.0, 0.20),
}


def fuse_figure(
    outcome: Outcome, *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """Accuracy above, loss below; left the networks as dots, right the paths from the parents, on the same scales."""
    ink = theme_of(theme)
    sheet = Sheet(ink, HEIGHTS[layout], standalone, layout)
    boxes = _NARROW if layout == "narrow" else _WIDE
    rows = standings(outcome, ink, layout)
    for metric in ("accuracy", "loss"):
        scale = _scale(outcome, metric)
        title = f"<b>{measures(outcome.paths).heading(metric)}</b>"
        key = "  <span style='font-size:11px'>● test  ○ train</span>"
        panel = sheet.panel(boxes["dots", metric], title + key, _names(rows), scale)
        _dots(sheet, panel, rows, metric, layout)
        key = "  <span style='font-size:11px'>on the way to it: ━ test  ┄ train</span>"
        panel = sheet.panel(boxes["paths", metric], title + key, _way(outcome, ink, layout), scale)
        _paths(sheet, panel, outcome, metric)
    if not outcome.average_paths and all(path is None for path in outcome.paths):
        x0, x1, y0, y1 = boxes["paths", "accuracy"]
        lost = "At this width no parent can be expressed exactly,<br>so no path is drawn."
        words = lost if outcome.paths else "No path was followed."
        sheet.note(words, (x0 + x1) / 2, (y0 + y1) / 2, xanchor="center", yanchor="middle", font={"size": 12.5})
    return sheet.figure().update_layout(margin={"b": BOTTOM})


def _scale(outcome: Outcome, metric: str) -> dict[str, Any]:
    """The range that holds every dot and every path."""
    if metric == "accuracy":
        return {"range": [-0.03, 1.18], "tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%"}
    profiles = (*outcome.average_paths, *(path for path in outcome.paths if path is not None))
    values = [scores[split]["loss"] for scores in _all(outcome) for split in ("train", "test")]
    values += [float(y) for profile in profiles for split in profile.values for y in profile.values[split]["loss"]]
    top = max((value for value in values if np.isfinite(value)), default=1.0)
    return {"range": [-0.06 * top, 1.28 * top], "nticks": 4}


def _all(outcome: Outcome) -> list[Scores]:
    more = [scores for scores in (outcome.ensemble, outcome.average) if scores is not None]
    return [*outcome.parents, *more, outcome.fused, *outcome.curve[-1:]]


def _names(rows: tuple[Standing, ...]) -> dict[str, Any]:
    return {
        "range": [-0.6, len(rows) - 0.4],
        "tickmode": "array",
        "tickvals": list(range(len(rows))),
        "ticktext": [f"<b style='color:{row.ink.text}'>{row.short}</b>" for row in rows],
        "tickfont": {"size": 12 if len(rows) < CROWD["narrow"] else 11},
        "showgrid": False,
    }


def _dots(sheet: Sheet, panel: int, rows: tuple[Standing, ...], metric: str, layout: LayoutName) -> None:
    """A stem and a dot for the test examples with its number, an open mark beside it for the training examples."""
    value = "%{y:.1%}" if metric == "accuracy" else "%{y:.3f}"
    tight = len(rows) > (5 if layout == "narrow" else 9)
    for place, row in enumerate(rows):
        test, train = row.scores["test"][metric], row.scores["train"][metric]
        sheet.add(
            panel, mode="lines", x=[place, place], y=[0, test], line={"color": row.ink.mark, "width": 2}, opacity=0.45
        )
        about = {"color": row.ink.mark, "symbol": row.symbol, "size": 11}
        sheet.add(
            panel,
            mode="markers",
            x=[place + ASIDE],
            y=[train],
            marker={**about, "symbol": f"{row.symbol}-open", "size": 7},
            hovertemplate=f"<b>{row.name}</b>, train<br>{metric} {value}<extra></extra>",
        )
        sheet.add(
            panel,
            mode="markers",
            x=[place],
            y=[test],
            cliponaxis=False,
            marker={**about, "line": {"color": sheet.theme.halo, "width": 1}},
            hovertemplate=f"<b>{row.name}</b>, test<br>{metric} {value}<extra></extra>",
        )
    for place, row in enumerate(rows):
        test = row.scores["test"][metric]
        number = numbers.percent(test) if metric == "accuracy" else numbers.loss(test)
        if tight and metric == "accuracy":
            number = f"{100 * test:.0f}%"
        sheet.label(panel, (place, test), number, row.ink, size=11.5, along="y")


def _way(outcome: Outcome, ink: Theme, layout: LayoutName) -> dict[str, Any]:
    end = "fused" if not outcome.curve else "tuned" if layout == "narrow" else "fine-tuned"
    return {
        "range": [-0.03, 1.03],
        "tickmode": "array",
        "tickvals": [0, 0.25, 0.5, 0.75, 0.97],
        "ticktext": ["alone", "¼", "½", "¾", f"<b style='color:{ink.fused.text}'>{end}</b>"],
    }


def _paths(sheet: Sheet, panel: int, outcome: Outcome, metric: str) -> None:
    """Lines to the plain average first, so that those to the fused network lie above them."""
    ink, format_ = sheet.theme, "%{y:.1%}" if metric == "accuracy" else "%{y:.3f}"

    def line(profile: Profile, split: str, colour: str, name: str, **how: Any) -> None:
        hover = f"<b>{name}</b>, {split}<br>t = %{{x:.2f}}<br>{metric} {format_}<extra></extra>"
        y = np.nan_to_num(profile.values[split][metric], nan=1e6, posinf=1e6)
        sheet.add(panel, mode="lines", x=f32(profile.t), y=f32(y), line={"color": colour, **how}, hovertemplate=hover)

    for k, profile in enumerate(outcome.average_paths):
        line(profile, "test", ink.naive.mark, f"{letter(k)} → plain average", width=1.8, dash="dot")
    drawn = [(k, path) for k, path in enumerate(outcome.paths) if path is not None]
    stripe = 1.7 if _coincide([path for _, path in drawn], outcome, metric) else 0.0
    for k, path in reversed(drawn):
        colour, wider = parent_ink(k, ink).mark, stripe * min(k, 3)
        line(path, "train", colour, f"{letter(k)} → fused", width=1.2 + wider / 2, dash="dash")
        line(path, "test", colour, f"{letter(k)} → fused", width=2.2 + wider)
    if outcome.average is not None and outcome.average_paths:
        _end(sheet, panel, outcome.average["test"][metric], ink.naive.mark, "diamond")
    if any(path is not None for path in outcome.paths):
        symbol = "star" if outcome.curve else "circle"
        _end(sheet, panel, outcome.final["test"][metric], ink.fused.mark, symbol, ink.fused_outline)
    if metric == "accuracy" and outcome.average is not None and outcome.average_paths:
        at = 1.0, outcome.average["test"][metric]
        sheet.label(panel, at, "plain average", ink.naive, size=12, side="below")


def _coincide(paths: list[Profile], outcome: Outcome, metric: str) -> bool:
    """True if the paths can hardly be told apart on the scale of their panel."""
    if len({len(path.t) for path in paths}) != 1:
        return False
    low, high = _scale(outcome, metric)["range"]
    values = np.array([path.values["test"][metric] for path in paths])
    return bool((np.ptp(values, axis=0) < STRIPES * (high - low)).all())


def _end(sheet: Sheet, panel: int, y: float, colour: str, symbol: str, outline: str | None = None) -> None:
    edge = {"color": outline or sheet.theme.halo, "width": 1.2}
    marker = {"color": colour, "symbol": symbol, "size": 11, "line": edge}
    sheet.add(panel, mode="markers", x=[1], y=[y], marker=marker, cliponaxis=False)
