"""More paths of the same pair over the two of a run: other methods, or a curve; each by its colour, dash and symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmc_core.figures.compare import style
from lmc_core.figures.curves import Scale
from lmc_core.figures.drawing import Drawing, f32
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.panels import ACCURACY, LOSS
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers as words

_ENTRY, _LETTER, _ROW = 62, 6.6, 29
"""Pixels of a legend entry without its words, of a letter, of a row of entries."""


@dataclass(frozen=True)
class Overlay:
    """One more path and how it is drawn."""

    title: str
    profile: Profile
    colour: str
    dash: str
    symbol: str


def overlays(
    profiles: Mapping[str, Profile], theme: ThemeName = "light", curve: tuple[str, Profile] | None = None
) -> tuple[Overlay, ...]:
    """Paths by name of their method, in the order of METHODS, and a curve with its title.

    Dash and symbol of a method are those it has where methods are compared; its colour leaves out those of A, B, naive
    and aligned, which mean something else beside clouds.
    """
    ink = theme_of(theme)
    *colours, last = ink.others
    order = [name for name in METHODS if name in profiles]
    drawn = []
    for name in order:
        look = style(name, theme)
        colour = colours[list(METHODS).index(name) % len(colours)]
        drawn.append(Overlay(METHODS[name].title, profiles[name], colour, look["dash"], look["symbol"]))
    if curve is not None:
        drawn.append(Overlay(curve[0], curve[1], last, "longdash", "bowtie"))
    return tuple(drawn)


def draw_overlays(drawing: Drawing, paths: Sequence[Overlay], scale: Scale, halo: str) -> None:
    """Test loss and accuracy of every path, thinner than the run's own two."""
    for path in paths:
        profile = path.profile
        for panel, values, said in (
            (LOSS, scale.draw(profile.loss()), "loss %{y:.3f}"),
            (ACCURACY, np.nan_to_num(profile.accuracy()), "accuracy %{y:.1%}"),
        ):
            drawing.add(
                panel,
                mode="lines+markers",
                x=f32(profile.t),
                y=f32(values),
                line={"color": path.colour, "width": 1.8, "dash": path.dash},
                marker={
                    "color": path.colour,
                    "symbol": path.symbol,
                    "size": 7,
                    "maxdisplayed": 6,
                    "line": {"color": halo, "width": 0.8},
                },
                name=f"{path.title} {words.loss(profile.barrier())}",
                legendgroup=path.title,
                showlegend=panel == LOSS,
                hovertemplate=f"<b>{path.title}</b>, test<br>t = %{{x:.2f}}<br>{said}<extra></extra>",
            )


def legend(paths: Sequence[Overlay], neutral: str) -> dict[str, Any]:
    """The layout of their legend, in the strip that `legend_height` makes room for."""
    if not paths:
        return {"showlegend": False}
    place = {"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "y": 1, "yanchor": "top"}
    look = {"font": {"size": 12, "color": neutral}, "bgcolor": "rgba(0,0,0,0)", "itemclick": False}
    return {"showlegend": True, "legend": place | look | {"itemdoubleclick": False}}


def legend_height(paths: Sequence[Overlay], width: int) -> int:
    """Pixels that the legend needs above the panels of a figure of this width."""
    rows, left = 0, 0.0
    for path in paths:
        needed = _ENTRY + _LETTER * len(f"{path.title} 0.00")
        if needed > left:
            rows, left = rows + 1, float(width)
        left -= needed
    return max(0, rows * _ROW - 2)


def overlay_sentence(own: tuple[str, Profile], others: Mapping[str, Profile], curve: Profile | None = None) -> str:
    """Which of several paths is the lowest, as Streamlit markdown; nothing where there is only one.

    own      title of the run's method, and its path;  others: title → path
    curve    one more path of the same pair, trained or through another model
    """
    parts = []
    if others:
        every = {own[0]: own[1], **others}
        best = min(every, key=lambda title: _height(every[title]))
        barrier = words.loss(every[best].barrier())
        said = f":green[{barrier}]" if best == own[0] else barrier
        parts.append(f"Of the {len(every)} methods drawn, {words.inside(best)} stays lowest: its barrier is {said}.")
    if curve is not None:
        parts.append(f"The curve rises by {words.loss(curve.barrier())}.")
    return " ".join(parts)


def _height(profile: Profile) -> float:
    barrier = profile.barrier()
    return barrier if np.isfinite(barrier) else float("inf")
