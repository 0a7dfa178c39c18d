"""The plane through three networks, as maps or as a relief."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lmc_core.figures.plane.maps import plane_figure, plane_height
from lmc_core.figures.plane.relief import RELIEF, relief_figure
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.library import data as datasets
from lmc_core.words.models import models_line
from lmc_core.words.plane import plane_alt, plane_caption, plane_cards, plane_finding
from pages._frame.url import buttons
from pages._show.chart import chart
from pages._show.view import Columns, Shown, Table, View

SHAPES = {"maps": "Maps", "relief": "Relief"}
HEIGHTS = {"loss": "Loss", "accuracy": "Accuracy"}
SPLITS = {"test": "Test examples", "train": "Training examples"}


@dataclass(frozen=True)
class Look:
    """Maps show loss and accuracy side by side; `metric` is the height of a relief."""

    shape: str
    metric: str
    split: str


def look(result: PlaneResult, run_id: str) -> Look:
    metric = "loss"
    with st.container(horizontal=True, key="view", vertical_alignment="center"):
        shape = buttons("Shape", SHAPES, "shape")
        if shape == "relief":
            metric = buttons("Height", HEIGHTS, "height")
        return Look(shape, metric, buttons("Examples", SPLITS, "split"))


def shown(result: PlaneResult, run_id: str, look: Look) -> Shown:
    parts, across = _parts(result), result.across
    seconds = result.seconds.get("plane")
    return Shown(
        run_id,
        result,
        look,
        plane_finding(*parts, result.method, across=across).sentence,
        about=models_line(result.models, datasets.title(result.data), result.surface.examples),
        cards=plane_cards(*parts, seconds, across=across),
        caption=plane_caption(result.surface, across=across),
        notes=result.notes,
        tables=(Table(partial(table, result), "Grid", "Grid", "Loss and accuracy of every network of the plane"),),
        pictures=partial(pictures, result),
    )


def figure(shown: Shown) -> None:
    result, look = shown.result, shown.look
    relief = look.shape == "relief"
    how: dict[str, Any] = {"split": look.split, "across": result.across} | ({"metric": look.metric} if relief else {})
    make = partial(relief_figure if relief else plane_figure, *_parts(result), **how)
    alt = plane_alt(*_parts(result), relief=look.metric if relief else "", across=result.across)
    height = RELIEF.__getitem__ if relief else partial(plane_height, result.surface)
    chart(f"plane-{look.shape}", shown.run, make, alt, height=height, look=(look,))


def table(result: PlaneResult) -> Columns:
    """One row per cell."""
    surface = result.surface
    y, x = np.meshgrid(surface.y, surface.x, indexing="ij")
    columns = {"x": x.ravel().tolist(), "y": y.ravel().tolist()}
    for split, metrics in surface.values.items():
        columns |= {f"{split} {metric}": values.ravel().tolist() for metric, values in metrics.items()}
    return columns


def pictures(result: PlaneResult) -> list[Picture]:
    """Both figures of a report."""
    parts, across = _parts(result), result.across
    caption = str(plane_caption(result.surface, across=across))
    maps, relief = (draw(*parts, standalone=True, across=across) for draw in (plane_figure, relief_figure))
    return [
        Picture("Loss and accuracy", maps, caption, plane_alt(*parts, across=across)),
        Picture("The loss as a relief", relief, "", plane_alt(*parts, "loss", across=across)),
    ]


def _parts(result: PlaneResult) -> tuple[Any, Any, Any]:
    return result.surface, result.naive, result.aligned


VIEW = View(shown, look, figure, height=480, title="Landscape", page="landscape")
