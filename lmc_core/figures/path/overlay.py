"""More paths of the same pair over the two of a run: other methods, or a curve; each by its colour, dash and symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmc_core.figures.palette import Look, Theme, method_look
from lmc_core.figures.path.curves import Scale
from lmc_core.figures.path.drawing import Drawing
from lmc_core.figures.path.panels import ACCURACY, LOSS
from lmc_core.figures.sheet import LEGEND_ROW, LayoutName, f32, legend_look, legend_rows
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers
from lmc_core.words.measures import measures


@dataclass(frozen=True)
class Overlay:
    """One more path and how it is drawn."""

    title: str
    profile: Profile
    look: Look


def overlays(
    profiles: Mapping[str, Profile], theme: Theme, curve: tuple[str, Profile] | None = None
) -> tuple[Overlay, ...]:
    """Paths by name of their method, in the order of METHODS, each with its own look; and a curve with its title."""
    drawn = [
        Overlay(METHODS[name].title, profiles[name], method_look(name, theme)) for name in METHODS if name in profiles
    ]
    if curve is not None:
        drawn.append(Overlay(*curve, Look(theme.text, "longdash", "bowtie")))
    return tuple(drawn)


def draw_overlays(drawing: Drawing, paths: Sequence[Overlay], scale: Scale, halo: str) -> None:
    """Test loss and accuracy of every path, thinner than the run's own two."""
    for path in paths:
        profile = path.profile
        for panel, values, value in (
            (LOSS, scale.draw(profile.loss()), "loss %{y:.3f}"),
            (ACCURACY, np.nan_to_num(profile.accuracy()), f"{measures([profile]).score} %{{y:.1%}}"),
        ):
            drawing.add(
                panel,
                mode="lines+markers",
                x=f32(profile.t),
                y=f32(values),
                line={"color": path.look.colour, "width": 1.8, "dash": path.look.dash},
                marker={
                    "color": path.look.colour,
                    "symbol": path.look.symbol,
                    "size": 7,
                    "maxdisplayed": 6,
                    "line": {"color": halo, "width": 0.8},
                },
                name=f"{path.title} {numbers.loss(profile.barrier())}",
                legendgroup=path.title,
                showlegend=panel == LOSS,
                hovertemplate=f"<b>{path.title}</b>, test<br>t = %{{x:.2f}}<br>{value}<extra></extra>",
            )


def legend(paths: Sequence[Overlay], theme: Theme) -> dict[str, Any]:
    """The layout of their legend, in the strip that `legend_height` makes room for."""
    if not paths:
        return {"showlegend": False}
    place = {"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "y": 1, "yanchor": "top"}
    still = {"itemclick": False, "itemdoubleclick": False}
    return {"showlegend": True, "legend": place | legend_look(theme) | still}


def legend_height(paths: Sequence[Overlay], layout: LayoutName) -> int:
    """Pixels that the legend needs above the panels."""
    return max(0, legend_rows([f"{path.title} 0.00" for path in paths], layout) * LEGEND_ROW - 2)
