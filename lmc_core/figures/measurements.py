"""Measurements of the theory, a row per layer: law, dimension, parts of the cost, ledger, exponents in the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.exponent import Exponent
from lmc_core.diagnostics.laws import Law
from lmc_core.diagnostics.ledger import Ledger
from lmc_core.diagnostics.width import Scaling
from lmc_core.figures.palette import Ink, Theme, ThemeName, theme_of
from lmc_core.figures.sheet import LayoutName, Sheet, f32, log_axis, row_axis, share_axis, short
from lmc_core.words import numbers

_ROW, _AROUND, _KEY = 34, 130, -42
_BOX = (0.13, 1.0, 0.0, 1.0)
_LABEL = 13
EXPONENTS = {"barrier": "barrier", "gap": "function gap"}
"""What falls with the width, as the rows call it."""


def measurement_height(rows: int) -> int:
    """Pixels of each figure of so many rows."""
    return _AROUND + _ROW * max(rows, 3)


def law_figure(
    laws: Mapping[str, Law], *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """R of every layer, unaligned and aligned, beside 1: two samples of one law."""
    ink, every = theme_of(theme), list(laws.values())
    values = [value for law in every for value in (law.before, law.after) if value is not None]
    sheet = _sheet(ink, len(every), standalone)
    low, high = min([0.8, *values]), max([1.25, *values])
    panel = _panel(sheet, "<b>R</b> of every layer; 1 is one law", log_axis(low, high), every)
    _line(sheet, panel, 1.0, len(every), ink)
    for k, law in enumerate(every):
        _dots(
            sheet,
            panel,
            k,
            law.label,
            (("unaligned", law.before, ink.naive, "diamond"), ("aligned", law.after, ink.aligned, "circle")),
            "R = %{x:.2f}",
        )
    _key(sheet, f"{_named('◆ naive', ink.naive)}  {_named('● aligned', ink.aligned)}  ┊ one law")
    return sheet.figure()


def dimension_figure(
    laws: Mapping[str, Law], *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """The dimension of A's units, by both estimators, for every layer."""
    ink, every = theme_of(theme), list(laws.values())
    values = [value for law in every for value in (law.dimension, law.neighbours) if value is not None]
    sheet = _sheet(ink, len(every), standalone)
    axis = log_axis(min([4.0, *values]), max([20.0, *values]))
    panel = _panel(sheet, "<b>Dimension</b> of the units of A", axis, every)
    for k, law in enumerate(every):
        found = (
            ("from subsets", law.dimension, ink.a, "circle"),
            ("from neighbours", law.neighbours, ink.a, "circle-open"),
        )
        _dots(sheet, panel, k, law.label, found, "dimension %{x:.1f}")
    _key(sheet, _named("● from subsets  ○ from nearest neighbours", ink.a))
    return sheet.figure()


def split_figure(
    laws: Mapping[str, Law], *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """What means, covariances and the rest have of W₂² between A and aligned B, for every layer."""
    ink, every = theme_of(theme), list(laws.values())
    sheet = _sheet(ink, len(every), standalone)
    panel = _panel(sheet, "<b>Parts of W₂²</b> between A and aligned B", share_axis(1.02), every)
    left = np.zeros(len(every))
    totals = np.array([law.split.total or 1.0 for law in every])
    for name, values, colour, opacity in (
        ("means", [law.split.mean for law in every], ink.aligned, 1.0),
        ("covariances", [law.split.covariance for law in every], ink.aligned, 0.5),
        ("finitely many units", [law.split.rest for law in every], ink.grey, 0.35),
    ):
        part = np.array(values) / totals
        _bars(sheet, panel, part, left, 0.0, 0.56, colour, opacity, [law.label for law in every], f"{name}: %{{x:.1%}}")
        left = left + part
    parts = _named("■ means, paler covariances", ink.aligned)
    _key(sheet, f"{parts}  {_named('■ the rest', ink.grey)}")
    return sheet.figure()


def ledger_figure(
    ledger: Ledger, *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """What every layer of the aligned path adds to the loss above the chord, and what mixing the outputs saves."""
    ink, entries = theme_of(theme), ledger.entries
    names = [*(entry.layer for entry in entries), "outputs"]
    linear, later = (np.array([getattr(e, name) for e in entries]) for name in ("linear", "activation"))
    sheet = _sheet(ink, len(names), standalone)
    low, high = min(0.0, linear.min(), later.min(), ledger.saved), max(0.0, linear.max(), later.max(), ledger.saved)
    room = 0.08 * (high - low or 1.0)
    axis = {"range": [low - room, high + room], "nticks": 6}
    panel = _panel(sheet, f"<b>Loss above the chord</b> at t = {ledger.t:.2f}, by layer", axis, names)
    _line(sheet, panel, 0.0, len(names), ink)
    zeros = np.zeros(len(entries))
    for what, values, shift, opacity in (("product", linear, -0.16, 1.0), ("activation", later, 0.16, 0.5)):
        _bars(sheet, panel, values, zeros, shift, 0.3, ink.aligned, opacity, names, f"{what}: %{{x:.4f}}")
    saved = {"customdata": ["outputs"], "hovertemplate": "<b>mixing the outputs</b><br>%{x:.4f}<extra></extra>"}
    looks = {"color": ink.grey.mark, "line": {"width": 0}}
    place = {"x": f32([ledger.saved]), "y": [len(entries)], "width": 0.4, "offset": -0.2}
    sheet.add(panel, type="bar", orientation="h", marker=looks, **place, **saved)
    words = _named("■ products, paler activations", ink.aligned)
    _key(sheet, f"{words}  sum {numbers.loss(ledger.total)}".replace("-", "−"))
    return sheet.figure()


def removed_figure(
    removed: Mapping[str, float], *, theme: ThemeName = "light", layout: LayoutName = "wide", standalone: bool = False
) -> go.Figure:
    """The share of ‖A − B‖² that each class of symmetry removes."""
    ink, names = theme_of(theme), list(removed)
    sheet = _sheet(ink, len(names), standalone)
    panel = _panel(sheet, "<b>Distance removed</b> by each class of symmetry", share_axis(1.02), names)
    values = np.array(list(removed.values()))
    _bars(sheet, panel, values, np.zeros(len(names)), 0.0, 0.56, ink.aligned, 1.0, names, "%{x:.1%} of ‖A − B‖²")
    _key(sheet, _named("■ share of ‖A − B‖², canonical forms", ink.aligned))
    return sheet.figure()


def exponent_figure(
    exponents: Mapping[str, Exponent],
    scalings: Mapping[str, Scaling],
    *,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    standalone: bool = False,
) -> go.Figure:
    """Exponents in the width with their intervals, beside ½ and the 2/d of every layer."""
    ink = theme_of(theme)
    rates = {f"2/d, {label}": -line.slope for label, line in scalings.items()}
    names = [*(EXPONENTS[name] for name in exponents), *rates]
    ends = [0.0, 0.5, *rates.values(), *(end for found in exponents.values() for end in (found.low, found.high))]
    sheet, room = _sheet(ink, len(names), standalone), 0.06 * (max(ends) - min(ends))
    axis = {"range": [min(ends) - room, max(ends) + room], "nticks": 7}
    panel = _panel(sheet, "<b>Exponent β</b> of width<sup>−β</sup>, with its 95% interval", axis, names)
    _line(sheet, panel, 0.5, len(names), ink)
    for k, (name, found) in enumerate(exponents.items()):
        line = {"color": ink.aligned.mark, "width": 3}
        sheet.add(panel, mode="lines", x=f32([found.low, found.high]), y=[k, k], line=line)
        interval = f"β = %{{x:.2f}} ({found.low:.2f} … {found.high:.2f})"
        _dots(sheet, panel, k, EXPONENTS[name], (("aligned", found.beta, ink.aligned, "circle"),), interval)
    for k, (name, rate) in enumerate(rates.items(), len(exponents)):
        _dots(sheet, panel, k, name, (("of W₂²", rate, ink.grey, "line-ns-open"),), "%{x:.2f}")
    _key(sheet, f"{_named('● after alignment', ink.aligned)}  | −slope of W₂²  ┊ ½")
    return sheet.figure()


def _sheet(ink: Theme, rows: int, standalone: bool) -> Sheet:
    return Sheet(ink, measurement_height(rows), standalone)


def _panel(sheet: Sheet, title: str, across: dict[str, Any], rows: Sequence[Law] | Sequence[str]) -> int:
    labels = [short(row if isinstance(row, str) else row.label, _LABEL) for row in rows]
    return sheet.panel(_BOX, title, across, row_axis(labels, 0.1))


def _line(sheet: Sheet, panel: int, x: float, rows: int, ink: Theme) -> None:
    """What the rows are compared with."""
    look = {"color": ink.grey.mark, "width": 1.2, "dash": "2px,3px"}
    sheet.add(panel, mode="lines", x=[x, x], y=[-0.5, rows - 0.5], line=look)


def _dots(
    sheet: Sheet, panel: int, row: int, label: str, found: Sequence[tuple[str, float | None, Ink, str]], said: str
) -> None:
    """The numbers of one layer, joined by a thin line."""
    known = [(name, value, colour, symbol) for name, value, colour, symbol in found if value is not None]
    line = {"color": sheet.theme.grey.mark, "width": 1}
    sheet.add(panel, mode="lines", x=f32([value for _, value, _, _ in known]), y=[row] * len(known), line=line)
    for name, value, colour, symbol in known:
        marker = {"color": colour.mark, "size": 10, "symbol": symbol, "line": {"color": colour.mark, "width": 1.6}}
        hover = f"<b>{label}</b>, {name}<br>{said}<extra></extra>"
        sheet.add(panel, mode="markers", x=f32([value]), y=[row], marker=marker, hovertemplate=hover)


def _bars(
    sheet: Sheet,
    panel: int,
    values: Any,
    base: Any,
    shift: float,
    width: float,
    colour: Ink,
    opacity: float,
    labels: Sequence[str],
    said: str,
) -> None:
    """One bar per row, from `base` on."""
    sheet.add(
        panel,
        type="bar",
        orientation="h",
        x=f32(values),
        base=f32(base),
        y=f32(np.arange(len(values))),
        offset=shift - width / 2,  # said, because bars of one row would else stand beside each other
        width=width,
        marker={"color": colour.mark, "opacity": opacity, "line": {"width": 0}},
        customdata=list(labels)[: len(values)],
        hovertemplate=f"<b>%{{customdata}}</b><br>{said}<extra></extra>",
    )


def _named(words: str, ink: Ink) -> str:
    return f"<span style='color:{ink.text}'>{words}</span>"


def _key(sheet: Sheet, words: str) -> None:
    sheet.note(words, _BOX[0], _BOX[2], yshift=_KEY)
