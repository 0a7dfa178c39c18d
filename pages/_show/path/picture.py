"""The figure of a path."""

from functools import partial

import streamlit as st

from lmc_core.figures.browser import plotly_config
from lmc_core.figures.path.figure import path_figure, path_height
from lmc_core.words.path import path_alt
from pages._frame import viewport
from pages._show.chart import drawn
from pages._show.path import classes, clouds, others
from pages._show.path.look import Look

DRAWN = "figure-drawn"  # in the session: what the figure on the page shows


def draw(run_id: str, look: Look) -> None:
    """The figure, at first in place of a skeleton of its size under its lines and dots, which a browser shows at once;
    drawn again it stays, with its slider where it is."""
    result = clouds.path(run_id)
    cloud = clouds.cloud(result, run_id, look.group, look.projection)
    assert cloud is not None
    layout, theme, title = viewport.layout(), viewport.theme(), result.alignment.title
    classed = classes.of(result, cloud.group) if look.classes else None
    beside, curved = others.paths(result, look.overlay), result.curve
    make = partial(
        path_figure,
        result.naive,
        result.aligned,
        cloud,
        method_title=title,
        theme=theme,
        layout=layout,
        loss_axis=look.axis,
        start=look.start,
        others=beside,
        curve=(curved.title, curved.profile) if curved else None,
        classes=classed,
    )
    seen = (look, theme, layout, *beside)
    there = st.session_state.get(DRAWN) == (run_id, *seen)
    figure = drawn("explore", run_id, seen, make)
    with st.container(key="figure-at-once"):
        if not there:
            st.html(figure.preview)  # as Markdown it would be read letter by letter
    place = st if there else st.skeleton(path_height(layout, tuple(beside), curved.title if curved else None, classed))
    st.session_state[DRAWN] = (run_id, *seen)
    config = plotly_config(f"run-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="figure", config=config, alt=path_alt(result.naive, result.aligned, cloud, title))
