"""The figure of a path: loss along the path beside the units of one layer, moved by one slider in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.errors import SettingError
from lmc_core.figures.labels import drawn
from lmc_core.figures.palette import THEMES, Theme, ThemeName, theme_of
from lmc_core.figures.path.classes import Classes
from lmc_core.figures.path.clouds import density_top, draw_clouds
from lmc_core.figures.path.curves import (
    ACCURACY_RANGE,
    Scale,
    draw_cursors,
    draw_curves,
    draw_labels,
    label_places,
    lines,
)
from lmc_core.figures.path.drawing import Drawing
from lmc_core.figures.path.frames import frame_places, frames, play_button, slider
from lmc_core.figures.path.overlay import Overlay, draw_overlays, legend, legend_height, overlays
from lmc_core.figures.path.panels import ACCURACY, LAYOUTS, LOSS, Layout, axes
from lmc_core.figures.path.readout import Rows, height, rows
from lmc_core.figures.sheet import LayoutName, canvas, path_axis, title_font
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers
from lmc_core.words.measures import measures

LOG_WORTH = 30.0
"""A logarithmic loss axis is worth offering when the largest loss is so many times the smallest."""


def path_figure(
    naive: Profile,
    aligned: Profile,
    cloud: Cloud,
    *,
    method_title: str,
    theme: ThemeName = "light",
    layout: LayoutName = "wide",
    loss_axis: Literal["linear", "log"] = "linear",
    start: float | None = None,
    others: Mapping[str, Profile] | None = None,
    curve: tuple[str, Profile] | None = None,
    classes: Classes | None = None,
    standalone: bool = False,
) -> go.Figure:
    """The figure with one frame per t of the cloud, at most 25.

    start         t of the first frame; by default where the naive barrier is reached
    others        name of a method → its path, drawn over the two
    curve         title and path of a trained curve, likewise
    classes       colours units by the class of examples that they respond to most, not by their network
    standalone    for files: neutral text and the page get explicit colours. In the app they stay unset, because the
                  frontend fills them and follows a change of theme that reruns nothing

    Raises SettingError for an unknown layout or loss axis.
    """
    if layout not in LAYOUTS:
        raise SettingError(f"layout={layout!r} is not one of {', '.join(LAYOUTS)}")
    if loss_axis not in ("linear", "log"):
        raise SettingError(f"loss_axis={loss_axis!r} is not one of linear, log")
    ink = theme_of(theme)
    shown = frame_places(cloud.t)
    t = cloud.t[shown].astype(np.float64)
    first = int(np.abs(t - (naive.peak() if start is None else start)).argmin())

    paths, more = lines(naive, aligned, ink), overlays(others or {}, ink, curve)
    place, spoken = _room(layout, more)
    scale = Scale.of((naive, aligned, *(path.profile for path in more)), loss_axis == "log")
    extra = legend_height(more, layout)
    top, across = density_top(cloud), path_axis(ink)["range"]
    drawing, curves = Drawing(first), Drawing(first)
    draw_curves(curves, paths, scale, t, ink)
    draw_overlays(curves, more, scale, ink.halo)
    area = place.area(LOSS, across, scale.range, scale.log)
    places = label_places(paths, scale, area, drawn(curves.seen(LOSS, len(t)), area))
    draw_cursors(drawing, scale, t, area, places, ink)
    drawing.put(curves)
    draw_labels(drawing, paths, places)
    half = draw_clouds(drawing, cloud, shown, place, ink, classes)
    x, y = [-half[0], half[0]], [-half[1], half[1]]
    ranges = {
        LOSS: (across, scale.range),
        ACCURACY: (across, ACCURACY_RANGE),
        **dict.fromkeys(("before", "after"), (x, y)),
        **{f"{panel}_x": (x, [0, top[0]]) for panel in ("before", "after")},
        **{f"{panel}_y": ([0, top[1]], y) for panel in ("before", "after")},
    }
    left, above, right, below = place.margin
    foot = 0 if classes is None else classes.foot(ink, layout)
    return go.Figure(
        data=drawing.traces,
        frames=frames(drawing, t),
        layout={
            **canvas(ink, place.height + extra + foot, (left, above + extra, right, below + foot), standalone),
            "clickmode": "event",  # selecting fails once a frame was shown
            **legend(more, ink),
            "annotations": [
                *_titles(place, cloud, method_title, naive, ink, layout == "wide", scale.log, standalone, classes),
                *_classes(place, classes, ink, layout),
            ],
            "sliders": [slider(place, paths, spoken, t, first, ink)],
            "updatemenus": [play_button(place, spoken, ink)],
            **axes(place, ink, ranges, scale.log),
        },
    )


def path_height(
    layout: LayoutName, others: Sequence[str] = (), curve: str | None = None, classes: Classes | None = None
) -> int:
    """Height of the figure in pixels, so that its place can be held; `others` are names of methods."""
    flat = Profile(np.zeros(1), {"test": {"loss": np.zeros(1), "accuracy": np.zeros(1)}}, {})
    more = overlays(dict.fromkeys(others, flat), THEMES["light"], None if curve is None else (curve, flat))
    place, _ = _room(layout, more)
    foot = 0 if classes is None else classes.foot(THEMES["light"], layout)
    return place.height + legend_height(more, layout) + foot


def _room(layout: LayoutName, more: Sequence[Overlay]) -> tuple[Layout, Rows]:
    """The places of the panels, and the lines that the slider says of other paths."""
    place = LAYOUTS[layout]
    spoken = rows(more, place.slider_pixels)
    return place.roomier(height(spoken)), spoken


def first_axis(cloud: Cloud) -> str:
    """What the horizontal axis of a cloud is, in a few words."""
    share = f" ({numbers.whole(float(cloud.explained[0]))}%)"
    apart = f" (W₂ {numbers.loss(float(cloud.apart[0]))})" if cloud.apart is not None else ""
    named = {"random": f"random direction 1{share}", "sliced": f"sliced axis 1{apart}", "tsne": "t-SNE 1"}
    return named.get(cloud.projection, f"PC 1{share}")


def worth_log(*profiles: Profile) -> bool:
    """Whether the losses span so much that a logarithmic axis shows more."""
    values = np.concatenate([p.values[split]["loss"] for p in profiles for split in p.values])
    values = values[np.isfinite(values) & (values > 0)]
    return bool(len(values) and values.max() > LOG_WORTH * values.min())


def _titles(
    place: Layout,
    cloud: Cloud,
    method: str,
    naive: Profile,
    ink: Theme,
    wide: bool,
    log: bool,
    standalone: bool,
    classes: Classes | None,
) -> list[dict[str, Any]]:
    small = f"<span style='font-size:11px;color:{ink.neutral}'>"
    split = "log scale · " if log else ""
    titles = [
        (LOSS, f"<b>Loss</b>  {small}{split}solid: test · dotted: train</span>"),
        (ACCURACY, f"<b>{measures([naive]).title}</b>"),
        ("before_x", f"<b>Before alignment</b>  {small}B in its trained order</span>"),
        ("after_x", f"<b>After</b>  {small}{numbers.inside(method)}</span>"),
    ]
    bare = {"xref": "paper", "yref": "paper", "showarrow": False}
    left = bare | {"xanchor": "left", "yanchor": "bottom", "yshift": 4, "font": title_font(ink, standalone)}
    notes = [left | {"x": place.boxes[p][0], "y": place.boxes[p][3], "text": text} for p, text in titles]
    grey = {"size": 11, "color": ink.neutral}
    if wide:
        note = f"{cloud.label}, {first_axis(cloud)} →"
        at = {"x": place.boxes["after"][1], "y": place.boxes["after"][2], "text": note}
        notes.append(bare | at | {"xanchor": "right", "yanchor": "top", "yshift": -26, "font": grey})
    at = {"x": place.boxes["after"][0], "y": place.boxes["after"][2], "text": _key(ink, cloud, classes)}
    notes.append(bare | at | {"xanchor": "left", "yanchor": "top", "yshift": -8, "font": grey})
    return notes


def _classes(place: Layout, classes: Classes | None, ink: Theme, layout: LayoutName) -> list[dict[str, Any]]:
    """The key of the classes, under that of the clouds."""
    if classes is None:
        return []
    left, _, below, _ = place.boxes["after"]
    bare = {"xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left", "yanchor": "top"}
    font = {"size": 11, "color": ink.neutral}
    return [
        bare | {"x": left, "y": below, "text": row, "yshift": -classes.place(k, layout), "font": font}
        for k, row in enumerate(classes.key(ink, layout))
    ]


def _key(ink: Theme, cloud: Cloud, classes: Classes | None) -> str:
    def mark(sign: str, colour: str) -> str:
        return f"<span style='color:{colour}'>{sign}</span>"

    entries = [
        *((mark("●", ink.a.mark) + " A", mark("●", ink.b.mark) + " B") if classes is None else ("● A", "■ B")),
        mark("━", ink.grey.mark) + " matched pair",
        mark("◆", ink.naive.mark) + mark("●", ink.aligned.mark) + " unit at t",
        *((mark("┄", ink.grey.mark) + " 2σ of the ends",) if cloud.linear else ()),
    ]
    return "   ".join(entries)
