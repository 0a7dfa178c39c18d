"""The plane through three networks, as maps or as a relief."""

from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st

from lmc_core.figures.config import plotly_config
from lmc_core.figures.plane import plane_figure, plane_height
from lmc_core.figures.plane_words import plane_alt, plane_caption, plane_cards, plane_finding
from lmc_core.figures.relief import RELIEF, surface_figure
from lmc_core.runs.kinds.plane import PlaneResult
from pages._widgets import picture, viewport
from pages._widgets.url import choice
from pages._widgets.views import _parts

SHAPES = {"maps": "Maps", "relief": "Relief"}
SPLITS = {"test": "Test examples", "train": "Training examples"}


def draw(result: PlaneResult, run_id: str) -> None:
    surface, naive, aligned = result.surface, result.naive, result.aligned
    _parts.head(
        plane_finding(surface, naive, aligned, result.method).markdown,
        _parts.about_models(result.models, result.data, surface.examples),
        plane_cards(surface, naive, aligned, result.seconds.get("plane")),
    )
    layout, theme = viewport.layout(), viewport.theme()
    shape, split = _view()
    place = st.skeleton(plane_height(surface, layout) if shape == "maps" else RELIEF[layout])
    drawing: Any = plane_figure if shape == "maps" else surface_figure
    make = partial(drawing, surface, naive, aligned, split=split, theme=theme, layout=layout)
    figure = picture.drawn(f"plane-{shape}", run_id, (split, theme, layout), make)
    config = plotly_config(f"plane-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key=f"plane-{shape}", config=config, alt=plane_alt(surface, naive, aligned))
    _parts.foot(
        plane_caption(surface),
        result.notes,
        run_id,
        {"Grid, CSV": ("plane.csv", lambda: _csv(result)), "Request, JSON": ("request.json", lambda: _request(run_id))},
    )


def _view() -> tuple[str, Literal["test", "train"]]:
    with st.container(horizontal=True, key="view", vertical_alignment="center"):
        how: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}
        shape = choice(st.segmented_control, "Shape", SHAPES, "maps", "shape", **how)
        split = choice(st.segmented_control, "Examples", SPLITS, "test", "split", **how)
    return shape, "train" if split == "train" else "test"


def _request(run_id: str) -> bytes:
    return _parts.request_json(run_id)


def _csv(result: PlaneResult) -> bytes:
    """One row per cell."""
    surface = result.surface
    y, x = np.meshgrid(surface.y, surface.x, indexing="ij")
    columns = {"x": x.ravel().tolist(), "y": y.ravel().tolist()}
    for split, metrics in surface.values.items():
        columns |= {f"{split} {metric}": values.ravel().tolist() for metric, values in metrics.items()}
    return _parts.as_csv(columns)
