"""The plane through three networks, as maps or as a relief."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lmc_core.figures.browser import plotly_config
from lmc_core.figures.plane.maps import plane_figure, plane_height
from lmc_core.figures.plane.relief import RELIEF, relief_figure
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.words.plane import plane_alt, plane_caption, plane_cards, plane_finding
from pages._frame import viewport
from pages._frame.url import choice
from pages._show import picture
from pages._show.views import _parts

SHAPES = {"maps": "Maps", "relief": "Relief"}
HEIGHTS = {"loss": "Loss", "accuracy": "Accuracy"}
SPLITS = {"test": "Test examples", "train": "Training examples"}


def draw(result: PlaneResult, run_id: str) -> None:
    parts = surface, naive, aligned = result.surface, result.naive, result.aligned
    side: dict[str, Any] = {"across": result.across}
    told = _parts.Told(
        _parts.about_models(result.models, result.data, surface.examples),
        plane_cards(surface, naive, aligned, result.seconds.get("plane"), **side),
        plane_caption(surface, **side),
        {"Grid": ("grid", partial(table, result))},
        partial(pictures, result),
    )
    _parts.head(plane_finding(*parts, result.method, **side).sentence, told.about, told.cards)
    layout, theme = viewport.layout(), viewport.theme()
    shape, split, metric = _view()
    how: dict[str, Any] = {"split": split, "theme": theme, "layout": layout}
    if shape == "relief":
        how["metric"] = metric
    place = st.skeleton(plane_height(surface, layout) if shape == "maps" else RELIEF[layout])
    drawing: Any = plane_figure if shape == "maps" else relief_figure
    figure = picture.drawn(f"plane-{shape}", run_id, tuple(how.values()), partial(drawing, *parts, **how, **side))
    config = plotly_config(f"plane-{run_id}", phone=layout == "narrow")
    alt = plane_alt(*parts, relief=metric if shape == "relief" else "", **side)
    place.plotly_chart(figure, key=f"plane-{shape}", config=config, alt=alt)
    _parts.foot(told, result, run_id)


def table(result: PlaneResult) -> dict[str, list[float]]:
    """One row per cell."""
    surface = result.surface
    y, x = np.meshgrid(surface.y, surface.x, indexing="ij")
    columns = {"x": x.ravel().tolist(), "y": y.ravel().tolist()}
    for split, metrics in surface.values.items():
        columns |= {f"{split} {metric}": values.ravel().tolist() for metric, values in metrics.items()}
    return columns


def pictures(result: PlaneResult) -> list[Picture]:
    """Both figures of a report."""
    parts = result.surface, result.naive, result.aligned
    side: dict[str, Any] = {"across": result.across}
    caption = str(plane_caption(result.surface, **side))
    maps, relief = (draw(*parts, standalone=True, **side) for draw in (plane_figure, relief_figure))
    return [
        Picture("Loss and accuracy", maps, caption, plane_alt(*parts, **side)),
        Picture("The loss as a relief", relief, "", plane_alt(*parts, "loss", **side)),
    ]


def _view() -> tuple[str, str, str]:
    """Shape, split, and what is the height of a relief; maps show both."""
    metric = "loss"
    with st.container(horizontal=True, key="view", vertical_alignment="center"):
        how: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}
        shape = choice(st.segmented_control, "Shape", SHAPES, "maps", "shape", **how)
        if shape == "relief":
            metric = choice(st.segmented_control, "Height", HEIGHTS, "loss", "height", **how)
        split = choice(st.segmented_control, "Examples", SPLITS, "test", "split", **how)
    return shape, split, metric
