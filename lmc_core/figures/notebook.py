"""Networks, symmetries, alignments and profiles as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lmc_core.alignment.alignment import Alignment
from lmc_core.alignment.coupling import Coupling
from lmc_core.figures.palette import theme_of
from lmc_core.figures.sheet import Sheet, f32, path_axis
from lmc_core.figures.sketch import ENDS, INK, Curve, Dot, Sketch, axis_top, shares, thumbnail_svg
from lmc_core.networks.network import Network
from lmc_core.paths.profile import Profile
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.words import numbers
from lmc_core.words.measures import MEASURES

HEIGHT = 360
ROW, FRAME = 24, 110
"""Pixels of a bar, and of what surrounds the bars."""
MOST = 40
"""Rows of a table that are shown; how many are left out is said."""


@singledispatch
def drawn(value: Any) -> go.Figure:
    """The figure of a value."""
    raise TypeError(f"there is no figure of a {type(value).__name__}")


@drawn.register
def _(profile: Profile) -> go.Figure:
    """Loss along the path: test and training examples, and the straight line between the ends."""
    ink = theme_of("light")
    splits = [split for split in ("train", "test") if split in profile.values]
    top = 1.15 * max(float(np.nanmax(profile.values[split]["loss"])) for split in splits)
    measures = MEASURES[profile.task]
    sheet = Sheet(ink, HEIGHT, standalone=True)
    title = f"<b>Loss</b> along the path: {measures.loss}"
    panel = sheet.panel((0.0, 1.0, 0.0, 1.0), title, path_axis(ink), {"range": [-0.14 * top, top], "nticks": 5})
    for split in splits:
        y = profile.values[split]["loss"]
        line = {"color": ink.aligned.mark, "width": 2.4 if split == "test" else 1.2}
        if split == "test":
            chord = {"color": ink.grey.mark, "width": 1, "dash": "dot"}
            sheet.add(panel, mode="lines", x=f32([0, 1]), y=f32([y[0], y[-1]]), line=chord)
        else:
            line["dash"] = "dash"
        hover = f"<b>{split}</b><br>t = %{{x:.2f}}<br>loss %{{y:.3f}}<extra></extra>"
        sheet.add(panel, mode="lines+markers", x=f32(profile.t), y=f32(y), line=line, hovertemplate=hover)
    barriers = ", ".join(f"{split} {numbers.loss(profile.barrier(split))}" for split in splits)  # type: ignore[arg-type]
    sheet.note(f"barrier: {barriers}; test solid, training dashed", 0.0, 0.0, yanchor="top", yshift=-34)
    return sheet.figure()


@drawn.register
def _(alignment: Alignment) -> go.Figure:
    """How many units of every group come to another place."""
    ink = theme_of("light")
    names = list(alignment.couplings)
    share = [_moved(alignment.couplings[name]) for name in names]
    sheet = Sheet(ink, FRAME + ROW * max(1, len(names)), standalone=True)
    title = f"<b>Share of units that move</b>, {escape(alignment.method)}"
    across = {"range": [0, 1.02], "tickformat": ".0%"}
    down = {
        "range": [len(names) - 0.5, -0.5],
        "tickvals": list(range(len(names))),
        "ticktext": [_short(n) for n in names],
    }
    panel = sheet.panel((0.16, 1.0, 0.0, 1.0), title, across, down)
    sheet.add(
        panel,
        type="bar",
        orientation="h",
        x=f32(share),
        y=f32(range(len(names))),
        marker={"color": ink.aligned.mark},
        text=[f"{x:.0%} of {alignment.symmetry.groups[name].size}" for x, name in zip(share, names, strict=True)],
        customdata=names,
        hovertemplate="<b>%{customdata}</b><br>%{text}<extra></extra>",
    )
    return sheet.figure()


def _moved(coupling: Coupling) -> float:
    """The share of the mass of a coupling that does not stay in place."""
    if coupling.perm is not None:
        return float((coupling.perm != np.arange(coupling.perm.shape[-1])).mean())
    matrix = coupling.matrix
    square = matrix.shape[-1] == matrix.shape[-2]
    return 1 - float(np.trace(matrix, axis1=-2, axis2=-1).sum() / matrix.sum()) if square else 1.0


def _short(name: str) -> str:
    return name if len(name) <= 18 else "…" + name[-17:]


@singledispatch
def page(value: Any) -> str:
    """A value as HTML."""
    return f"<pre>{escape(repr(value))}</pre>"


@page.register
def _(network: Network) -> str:
    what = network.architecture.family if network.architecture else type(network.module).__name__
    reads = ", ".join(f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}" for x in network.example_inputs)
    heading = f"Network of {what}: {network.parameters:,} numbers, from {network.source}; reads {reads}"
    rows = [(name, " × ".join(map(str, x.shape)) or "1") for name, x in network.state.items()]
    assumed = [f"{a.option} = {a.value} is assumed: {a.why}" for a in network.assumptions]
    return _said(heading, ("tensor", "shape"), rows, assumed)


@page.register
def _(symmetry: Symmetry) -> str:
    heading = f"Symmetry: {len(symmetry.groups)} groups of interchangeable units"
    if symmetry.error is not None:
        heading += f", verified: outputs change by {symmetry.error:.1e}"
    rows = [(g.name, str(g.size), g.kind, g.within or "") for g in symmetry.groups.values()]
    return _said(heading, ("group", "units", "moved by", "within"), rows, symmetry.notes)


@page.register
def _(alignment: Alignment) -> str:
    heading = f"Alignment by {alignment.method} in {alignment.seconds:.1f} s"
    if alignment.function_error is not None:
        heading += f"; B's outputs change by {alignment.function_error:.1e}"
    rows = [
        (
            name,
            str(alignment.symmetry.groups[name].size),
            "order" if coupling.is_hard else "matrix",
            f"{_moved(coupling):.0%}",
        )
        for name, coupling in alignment.couplings.items()
    ]
    return _said(heading, ("group", "units", "moved by an", "units that move"), rows, alignment.notes)


@page.register
def _(profile: Profile) -> str:
    measures = MEASURES[profile.task]
    splits = [split for split in ("train", "test") if split in profile.values]
    rows = [
        (
            split,
            f"{profile.examples[split]:,}",
            numbers.loss(profile.barrier(split)),  # type: ignore[arg-type]
            *(f"{profile.values[split]['loss'][k]:.4f}" for k in (0, -1)),
            *(f"{profile.values[split]['accuracy'][k]:.4f}" for k in (0, -1)),
        )
        for split in splits
    ]
    heads = (
        "examples",
        "how many",
        "barrier",
        "loss of A",
        "loss of B",
        f"{measures.score} of A",
        f"{measures.score} of B",
    )
    return _picture(profile, splits[-1]) + _said(f"Path of {len(profile.t)} points", heads, rows, profile.notes)


def _picture(profile: Profile, split: str) -> str:
    y = profile.values[split]["loss"]
    heights = shares(y, axis_top(y))
    highest = int(profile.excess(split).argmax())  # type: ignore[arg-type]
    sketch = Sketch(
        alt=f"Loss of the {split} examples from A to B.",
        curves=(
            Curve([0, 1], [heights[0], heights[-1]], INK.grey.mark, 1.0, "2 3"),
            Curve(profile.t, heights, INK.aligned.mark),
        ),
        dots=(
            Dot(float(profile.t[highest]), float(heights[highest]), INK.aligned),
            Dot(0, float(heights[0]), INK.a),
            Dot(1, float(heights[-1]), INK.b),
        ),
        below=ENDS,
    )
    return f'<div style="max-width:320px">{thumbnail_svg(sketch)}</div>'


def _said(heading: str, heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Iterable[str]) -> str:
    """A heading, a table and notes; every word is escaped, as names come from files."""
    shown = rows if len(rows) <= MOST else rows[:MOST]
    left = f"<p>… and {len(rows) - MOST} more</p>" if len(rows) > MOST else ""
    head = "".join(f"<th>{escape(word)}</th>" for word in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(word)}</td>" for word in row) + "</tr>" for row in shown)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<p><b>{escape(heading)}</b></p>{table}{left}" + "".join(f"<p>{escape(note)}</p>" for note in notes)
