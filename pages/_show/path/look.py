"""What the figure shows of a path: which layer, in which projection, on which axis, from which t."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import streamlit as st

from lmc_core.figures.path.figure import worth_log
from lmc_core.runs.kinds.path import PathResult
from pages._frame import query, viewport
from pages._frame.url import choice
from pages._show.path import clouds, others

BUTTONS = 6  # more layers than this are a list
PROJECTIONS = {
    "pca-data": "PCA, as the data sees it",
    "pca-weights": "PCA, raw weights",
    "random": "Random directions",
    "sliced": "Sliced Wasserstein",
    "tsne": "t-SNE",
}
PROJECTION_HELP = (
    "As the data sees it: each input direction counts by how much the data varies along it. Raw weights are mostly the "
    "noise of the initialisation. Sliced Wasserstein: the directions along which A and B differ most once aligned. "
    "t-SNE keeps neighbours together, not distances."
)
CLASSES_HELP = (
    "Units in the colour of the class of examples that they respond to most, instead of that of their network. "
    "Circles are units of A, squares units of B."
)
HIDDEN: dict[str, Any] = {"label_visibility": "collapsed"}


@dataclass(frozen=True)
class Look:
    group: str
    projection: str
    axis: Literal["linear", "log"]
    overlay: tuple[str, ...]
    start: float
    classes: bool = False

    def stored(self, result: PathResult) -> "Look":
        """The same layer in the first projection that the run itself holds."""
        return replace(self, projection=next(name for group, name in result.clouds if group == self.group))


def controls(result: PathResult, run_id: str) -> Look:
    """The row of view controls; one popover on a phone, with labels instead of places."""
    if viewport.layout() == "narrow":
        with st.popover("View: layer, projection, axis", icon=":material/tune:", width="stretch", key="view-phone"):
            return Look(*_choices(result, run_id, {}), others.chosen(result), _start(result), _classes(result))
    with st.container(horizontal=True, key="view", vertical_alignment="center"):
        chosen = _choices(result, run_id, HIDDEN)
        with st.popover("Overlay", help="Draw the paths of other methods over this one"):
            overlay = others.chosen(result)
        return Look(*chosen, overlay, _start(result), _classes(result))


def _choices(result: PathResult, run_id: str, how: dict[str, Any]) -> tuple[str, str, Literal["linear", "log"]]:
    labels = {group: cloud.label[:1].upper() + cloud.label[1:] for (group, _), cloud in result.clouds.items()}
    many = len(labels) > BUTTONS
    layers: dict[str, Any] = how | ({"width": 220} if many else {"required": True})
    widget: Any = st.selectbox if many else st.segmented_control
    group = choice(widget, "Layer", labels, next(iter(labels)), "layer", **layers)
    there = {name for known, name in result.clouds if known == group} | set(clouds.possible(run_id))
    found = {name: title for name, title in PROJECTIONS.items() if name in there}
    place = {"width": 230, "help": None} if how else {"help": PROJECTION_HELP}
    projection = choice(st.selectbox, "Projection", found, next(iter(found)), "projection", **place, **how)
    axis: Literal["linear", "log"] = "linear"
    if worth_log(result.naive, result.aligned):
        titles = {"linear": "linear", "log": "log loss"}
        if choice(st.segmented_control, "Loss axis", titles, "linear", "axis", required=True, **how) == "log":
            axis = "log"
    return group, projection, axis


def _classes(result: PathResult) -> bool:
    """Whether units have the colour of their class instead of that of their network, where that was measured."""
    return bool(result.preferred) and st.toggle(
        "Colour by class", key="classes", bind="query-params", help=CLASSES_HELP
    )


def _start(result: PathResult) -> float:
    """Where the slider of the figure starts: the browser writes into the address where it stands."""
    asked = query.number(float, 0.0, 1.0)(st.query_params.get("t"))
    return round(result.naive.peak(), 2) if asked is None else asked
