"""The plane through three networks, as maps or as a relief."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from lmc_core.figures.plane.maps import plane_figure, plane_height
from lmc_core.figures.plane.relief import RELIEF, relief_figure
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.summary.plane import drawn_from, summary
from lmc_core.words.plane import plane_alt
from pages._frame import query
from pages._frame.url import buttons
from pages._show.chart import chart
from pages._show.command import command, location
from pages._show.view import Shown, View

SHAPES = {"maps": "Maps", "relief": "Relief"}
HEIGHTS = {"loss": "Loss", "accuracy": "Accuracy"}
FAR = 10.0  # in sizes of the relief
SPLITS = {"test": "Test examples", "train": "Training examples"}


@dataclass(frozen=True)
class Look:
    """Maps show loss and accuracy side by side; `metric` is the height of a relief, seen from `eye`."""

    shape: str
    metric: str
    split: str
    eye: tuple[float, float, float] | None = None


def look(result: PlaneResult, run_id: str) -> Look:
    metric = "loss"
    with st.container(horizontal=True, key="view", vertical_alignment="center"):
        shape = buttons("Shape", SHAPES, "shape")
        if shape == "relief":
            metric = buttons("Height", HEIGHTS, "height")
        split = buttons("Examples", SPLITS, "split")
        return Look(shape, metric, split, eye(st.query_params.get("eye")) if shape == "relief" else None)


def eye(asked: str | None) -> tuple[float, float, float] | None:
    """The place of the camera, as the browser writes it into the address; None for what is no place near the relief."""
    read = query.number(float, -FAR, FAR)
    found = [read(word) for word in (asked or "").split(",")]
    x, y, z = found if len(found) == 3 else (None, None, None)
    return None if x is None or y is None or z is None or not any((x, y, z)) else (x, y, z)


def shown(result: PlaneResult, run_id: str, look: Look) -> Shown:
    also = {card.id: location(card) for card in result.checkpoints}
    return Shown.of(summary(result), run_id, look, listings={"Command line": partial(command, result, also)})


def figure(shown: Shown) -> None:
    result, look = shown.result, shown.look
    relief = look.shape == "relief"
    how: dict[str, Any] = {"split": look.split, "across": result.across} | (
        {"metric": look.metric, "eye": look.eye} if relief else {}
    )
    make = partial(relief_figure if relief else plane_figure, *drawn_from(result), **how)
    alt = plane_alt(*drawn_from(result), relief=look.metric if relief else "", across=result.across)
    height = RELIEF.__getitem__ if relief else partial(plane_height, result.surface)
    chart(f"plane-{look.shape}", shown.run, make, alt, height=height, look=(look,))


VIEW = View(shown, look, figure, height=480, title="Landscape", page="landscape")
