"""How a fusion went: the method's own objective, and the epochs of fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lmc_core.figures.palette import ThemeName, theme_of
from lmc_core.figures.sheet import LayoutName, Sheet, columns, f32
from lmc_core.fusion.outcome import Scores

HEIGHT, EACH_NARROW = 330, 300
"""Pixels of a wide figure, and of one panel of a narrow one."""


def history_height(history: Sequence[float], curve: Sequence[Scores], layout: LayoutName) -> int:
    """In pixels."""
    panels = int(bool(history)) + 2 * bool(curve)
    return EACH_NARROW * max(panels, 1) if layout == "narrow" else HEIGHT


def history_figure(
    history: Sequence[float],
    curve: Sequence[Scores],
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """The objective step after step; loss and accuracy before fine-tuning and after every epoch."""
    ink = theme_of(theme)
    sheet = Sheet(ink, history_height(history, curve, layout), standalone)
    names = [*(["objective"] if history else []), *(["loss", "accuracy"] if curve else [])]
    width = 1 / max(len(names), 1)
    wide = [(k * width + (0.06 if k else 0.0), (k + 1) * width - 0.01) for k in range(len(names))]
    for name, box in zip(names, columns(wide, layout == "narrow", gap=0.16), strict=True):
        if name == "objective":
            steps = np.arange(len(history))
            panel = sheet.panel(
                box, "<b>Objective</b> of the method", {"title": "step", "dtick": _step(len(history))}, {"nticks": 5}
            )
            sheet.add(
                panel,
                mode="lines+markers",
                x=f32(steps),
                y=f32(history),
                line={"color": ink.fused.mark, "width": 2.2},
                marker={"size": 6, "color": ink.fused.mark},
                hovertemplate="step %{x}<br>%{y:.4g}<extra></extra>",
            )
            continue
        scale = {"tickformat": ".1%"} if name == "accuracy" else {"rangemode": "tozero"}
        title = f"<b>{name.capitalize()}</b>  <span style='font-size:11px'>━ test  ┄ train</span>"
        panel = sheet.panel(box, title, {"title": "epoch of fine-tuning", "dtick": _step(len(curve))}, scale)
        for split, look in (("train", {"width": 1.4, "dash": "dash"}), ("test", {"width": 2.6})):
            sheet.add(
                panel,
                mode="lines+markers",
                x=f32(np.arange(len(curve))),
                y=f32([scores[split][name] for scores in curve]),
                line={"color": ink.fused.mark, **look},
                marker={"size": 7 if split == "test" else 5, "color": ink.fused.mark},
                hovertemplate=f"epoch %{{x}}, {split}<br>{name} %{{y:.4g}}<extra></extra>",
            )
    return sheet.figure()


def _step(count: int) -> int:
    return max(1, round(count / 8))
