"""One unit at a time: picked in a list or clicked in the figure, and its weights in A, in B and in its match."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.figures.config import plotly_config
from lmc_core.figures.units import HEIGHTS, units_alt, units_caption, units_figure
from lmc_core.runs.units import units as stored
from pages._widgets import viewport
from pages._widgets.shown import Shown
from pages._widgets.url import choice

KEY, NONE = "unit", "none"
CLICKS = "clicks"
# Streamlit's own selections do not survive the slider: plotly cannot select in a figure that showed a frame
LISTEN = """
export default function({ data, setTriggerValue }) {
    let graph = null;
    const tell = (event) => {
        const about = event.points.length ? event.points[0].customdata : null;
        if (about) setTriggerValue("unit", Number(about[0]));
    };
    const leave = () => { if (graph && graph.removeListener) graph.removeListener("plotly_click", tell); };
    const look = () => {
        const now = document.querySelector(data.figure + " .js-plotly-plot");
        if (now === graph || (now && !now.on)) return;
        leave();
        graph = now;
        if (graph) graph.on("plotly_click", tell);
    };
    const timer = window.setInterval(look, 300);
    look();
    return () => { window.clearInterval(timer); leave(); };
}
"""

_listen = st.components.v2.component("figure-clicks", js=LISTEN)

METRICS = {"data": "as the data sees them", "weights": "raw"}
METRIC_HELP = (
    "Raw weights are mostly the noise of the initialisation: what a unit does with inputs that never vary, or always "
    "together, does not matter. As the data sees them, they are multiplied by the root of the inputs' second moment."
)


def clicked() -> None:
    """What a click on a dot of the figure means: look at that unit of A, and at its partners."""
    number = st.session_state[CLICKS].unit
    if isinstance(number, (int, float)):
        st.session_state[KEY] = str(int(number))


def draw(shown: Shown) -> None:
    """The list of units, and the chosen one under it."""
    assert shown.cloud is not None
    kept = stored(shown.run_id, shown.cloud.group)
    if not kept:
        return
    units = kept["weights"]
    with st.container(key="figure-clicks"):
        _listen(key=CLICKS, data={"figure": ".st-key-figure"}, on_unit_change=clicked)
    with st.container(horizontal=True, key="unit-row", vertical_alignment="bottom"):
        number = _number(units)
        block = None if number is None else _block(units)
        if number is not None:
            units = kept[_metric(kept)]
        if number is None:
            st.caption("or click a dot in the figure, to see the weights that make it", width="content")
    if number is not None:
        layout = viewport.layout()
        place = st.skeleton(HEIGHTS[layout])
        figure = units_figure(units, number, block, theme=viewport.theme(), layout=layout)
        config = plotly_config(f"unit-{shown.cloud.group}-{number}", phone=layout == "narrow")
        place.plotly_chart(figure, key="unit-figure", config=config, alt=units_alt(units, number))
        with st.container(key="caption-unit"):
            st.markdown(units_caption(units, number, block))


def _number(units: Units) -> int | None:
    options = {NONE: "none"} | {str(number): f"{number}" for number in units.numbers}
    asked = st.session_state.get(KEY)
    if asked not in options and asked is not None:
        st.session_state[KEY] = NONE
    found = choice(st.selectbox, f"Look at a unit of {units.label}", options, NONE, KEY, width=230)
    return None if found == NONE else int(found)


def _metric(kept: Mapping[str, Units]) -> str:
    """Weighted by the data or raw; by the data, where that was kept."""
    named = {metric: METRICS[metric] for metric in METRICS if metric in kept}
    how: dict[str, Any] = {"required": True, "help": METRIC_HELP}
    return choice(st.segmented_control, "Weights", named, next(iter(named)), "metric", **how)


def _block(units: Units) -> Block:
    """Which of the tensors that make a unit, where there are several."""
    if len(units.blocks) == 1:
        return units.blocks[0]
    names = {block.tensor: block.tensor for block in units.blocks}
    how: dict[str, Any] = {"width": 300}
    tensor = choice(st.selectbox, "Tensor", names, units.blocks[0].tensor, "tensor", **how)
    return next(block for block in units.blocks if block.tensor == tensor)
