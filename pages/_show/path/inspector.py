"""One unit at a time: picked in a list or clicked in the figure, and its weights in A, in B and in its match."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.palette import theme_of
from lmc_core.figures.path.classes import Classes
from lmc_core.figures.path.ring import ring
from lmc_core.figures.path.units import units_figure, units_height
from lmc_core.runs.keep.units import units as stored
from lmc_core.words.marks import joined
from lmc_core.words.units import RESPONDS, ring_note, units_alt, units_caption, units_rows
from pages._frame import viewport
from pages._frame.url import choice
from pages._show import table
from pages._show.chart import caption
from pages._show.path import classes, clicks, clouds
from pages._show.path.look import Look

KEY, NONE = "unit", "none"
LISTED = 388  # pixels of the list of units

NOT_KEPT = (
    "This run came without its single units, so their weights cannot be looked at here, and t-SNE cannot place them: "
    "run it again, or export it again from where it was made."
)
LATER = "Units can be looked at one by one once the layers are compared: open the tab Layers."
WORST_HELP = "The unit of A that is least like its match in aligned B: cosine between their incoming weights."
METRICS = {"data": "as the data sees them", "weights": "raw"}
METRIC_HELP = (
    "Raw weights are mostly the noise of the initialisation: what a unit does with inputs that never vary, or always "
    "together, does not matter. As the data sees them, they are multiplied by the root of the inputs' second moment."
)


def clicked() -> None:
    """What a click on a dot of the figure means: look at that unit of A, and at its partners."""
    if (number := clicks.number()) is not None:
        st.session_state[KEY] = str(number)


def draw(run_id: str, look: Look) -> None:
    """The list of units, and the chosen one under it."""
    kept = stored(clouds.keeper(run_id), look.group)
    if not kept:
        st.caption(LATER if clouds.path(run_id).later else NOT_KEPT)
        return
    units = kept["weights"]
    over = st.container(key="figure-clicks")
    with st.container(horizontal=True, key="unit-row", vertical_alignment="bottom"):
        number = _number(units)
        block = None if number is None else _block(units)
        if number is not None:
            units = kept[_metric(kept)]
        if number is None:
            st.button("Worst match", key="worst-match", on_click=_worst, args=(units,), help=WORST_HELP)
            st.caption("or click a dot in the figure, to see the weights that make it", width="content")
    result = clouds.path(run_id)
    _listed(units, classes.of(result, look.group))
    cloud = clouds.cloud(result, run_id, look.group, look.projection)
    rings = None if number is None or cloud is None else ring(cloud, number, theme=viewport.theme())
    with over:
        clicks.listen(rings, clicked)
    if number is not None and block is not None:
        layout = viewport.layout()
        place = st.skeleton(units_height(block, layout))
        figure = units_figure(units, number, block, theme=viewport.theme(), layout=layout)
        config = plotly_config(f"unit-{look.group}-{number}", phone=layout == "narrow")
        place.plotly_chart(figure, key="unit-figure", config=config, alt=units_alt(units, number))
        caption("unit", joined([units_caption(units, number, block), ring_note(rings is not None)]))


def _listed(units: Units, classed: Classes | None) -> None:
    """All units of A in a table, the worst match first; a row that is chosen is looked at."""
    box = st.expander(f"All units of {units.label}, worst match first", key="units", on_change="rerun")
    if not box.open:
        return
    found, names = (None, ()) if classed is None else (classed.found, classed.names)
    rows = units_rows(units, found, names)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    colours = {} if classed is None else classed.named(theme_of(viewport.theme()))
    alt = f"Units of {units.label} with their matches, the least alike first"
    chosen = partial(_chosen, [str(row["unit of A"]) for row in rows])
    with box:
        table.show(columns, alt, high=LISTED, colours=dict.fromkeys(RESPONDS, colours), chosen=chosen)


def _chosen(numbers: Sequence[str], row: int) -> None:
    """Look at the unit of that row."""
    st.session_state[KEY] = numbers[row]


def _number(units: Units) -> int | None:
    options = {NONE: "none"} | {str(number): f"{number}" for number in units.numbers}
    asked = st.session_state.get(KEY)
    if asked not in options and asked is not None:
        st.session_state[KEY] = NONE
    found = choice(st.selectbox, f"Look at a unit of {units.label}", options, NONE, KEY, width=230)
    return None if found == NONE else int(found)


def _worst(units: Units) -> None:
    """Look at the unit whose match is least alike."""
    st.session_state[KEY] = str(units.numbers[int(np.argmin(units.cosine[:, 1]))])


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
