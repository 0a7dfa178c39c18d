"""A finished run on the page: finding, numbers, figure, caption, tabs."""

from functools import partial

import streamlit as st

from lmc_core.figures.config import plotly_config
from lmc_core.figures.explore import explore_figure
from lmc_core.runs.result import PathResult
from pages._widgets import picture, tabs, viewport
from pages._widgets.shown import Shown, sentence, who
from pages._widgets.text import escaped
from pages._widgets.url import link
from pages._widgets.view import View, controls

HEIGHTS = {"wide": 570, "narrow": 960}  # of the figure, so that nothing jumps when it arrives


def draw(result: PathResult, run_id: str) -> None:
    """The whole result; without view row and tabs where it is embedded in another page."""
    narrow, embedded = viewport.layout() == "narrow", st.context.is_embedded
    found = sentence(result)
    st.markdown(f"## {found.markdown}")
    st.caption(who(result))
    numbers = st.container(horizontal=True, key="cards")
    view = controls(result, narrow=narrow) if result.clouds else None
    shown = Shown(run_id, result, found, view.cloud if view else None)
    with numbers:
        metrics(shown, spacious=not (narrow or embedded))
    if view is not None:
        chart(shown, view)
    with st.container(key="caption"):
        st.markdown(shown.caption)
        for note in (*result.alignment.notes, *result.notes):
            st.caption(f":material/info: {escaped(note)}")
    if embedded:
        st.caption(f"Mode Connectivity Explorer · [open the full analysis]({link('run', id=run_id)})")
    else:
        tabs.draw(shown)


def metrics(shown: Shown, *, spacious: bool) -> None:
    """The numbers; where there is little room the first four, without tooltips."""
    for card in shown.cards if spacious else shown.cards[:4]:
        why = card.help if spacious and card.help else None
        st.metric(card.label, card.value, card.note, delta_color="off", delta_arrow="off", border=True, help=why)


def chart(shown: Shown, view: View) -> None:
    """The figure, in place of a skeleton of its size."""
    layout = viewport.layout()
    place = st.skeleton(HEIGHTS[layout])
    theme = viewport.theme()

    make = partial(
        explore_figure,
        shown.result.naive,
        shown.result.aligned,
        view.cloud,
        method_title=shown.title,
        theme=theme,
        layout=layout,
        loss_axis=view.axis,
        start=view.start,
    )
    look = (view.cloud.group, view.cloud.projection, theme, layout, view.axis, view.start)
    figure = picture.drawn("explore", shown.run_id, look, make)
    config = plotly_config(f"run-{shown.run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="figure", config=config, alt=shown.alt)
