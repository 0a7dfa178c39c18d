"""A finished run on the page: finding, numbers, figure, caption, tabs."""

from dataclasses import replace
from functools import partial

import streamlit as st

from lmc_core import runs
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.path.figure import path_figure, path_height
from lmc_core.runs.values.result import PathResult
from lmc_core.words.marks import joined
from lmc_core.words.path import other_paths
from pages._frame import viewport
from pages._frame.text import escaped, markdown
from pages._frame.url import link
from pages._show import inspector, later, overlay, picture, placing, tabs
from pages._show.shown import Shown, sentence, who
from pages._show.view import View, controls

DRAWN = "figure-drawn"  # in the session: what the figure on the page shows


def draw(result: PathResult, run_id: str) -> None:
    """The whole result; without view row and tabs where it is embedded in another page."""
    narrow, embedded = viewport.layout() == "narrow", st.context.is_embedded
    found = sentence(result)
    heading = st.empty()
    heading.markdown(f"## {markdown(found.sentence)}")
    st.caption(markdown(who(result)))
    numbers = st.container(horizontal=True, key="cards")
    view = controls(result, run_id, narrow=narrow) if result.clouds else None
    cloud = placing.cloud(result, run_id, view.group, view.projection) if view else None
    waits = view is not None and cloud is None
    if view and waits:
        placing.offer(run_id, view.group, view.projection)
        view = replace(view, projection=next(name for group, name in result.clouds if group == view.group))
        cloud = result.clouds[view.group, view.projection]
    shown = Shown(run_id, result, found, cloud)
    if view and (view.overlay or result.curve):
        more = overlay.titled(overlay.paths(result, view.overlay))
        bent = result.curve.profile if result.curve else None
        more_said = other_paths((shown.title, result.aligned), more, bent)
        heading.markdown(f"## {markdown(joined([found.sentence, more_said]))}")
        if not waits:  # one job at a time is watched
            overlay.offer(result, view.overlay)
    with numbers:
        metrics(shown, spacious=not (narrow or embedded))
    if view is not None:
        figure(run_id, view)
    with st.container(key="caption"):
        st.markdown(markdown(shown.caption))
        for note in (*result.alignment.notes, *result.notes):
            st.caption(f":material/info: {escaped(note)}")
    if embedded:
        st.caption(f"Mode Connectivity Explorer · [open the full analysis]({link('run', id=run_id)})")
    else:
        later.below("figure", tabs.HEIGHT, partial(under, run_id, view))


def metrics(shown: Shown, *, spacious: bool) -> None:
    """The numbers; where there is little room the first four, without tooltips."""
    for card in shown.cards if spacious else shown.cards[:4]:
        why = markdown(card.help) if spacious and card.help else None
        label, value, note = map(markdown, (card.label, card.value, card.note))
        st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, help=why)


@st.fragment
def figure(run_id: str, view: View) -> None:
    """The figure, and the unit that was clicked in it: a click draws nothing else anew.

    Only the name of the run is kept for that, not the run: there may be many visitors.
    """
    shown = looked_at(run_id, view)
    chart(shown, view)
    if not st.context.is_embedded:
        inspector.draw(shown)


def under(run_id: str, view: View | None) -> None:
    """What lies under the figure."""
    tabs.draw(looked_at(run_id, view))


def looked_at(run_id: str, view: View | None) -> Shown:
    """The run as it is looked at, read again: it is shared by all who look."""
    result = runs.result(run_id)
    assert isinstance(result, PathResult)
    cloud = placing.cloud(result, run_id, view.group, view.projection) if view else None
    return Shown(run_id, result, sentence(result), cloud)


def chart(shown: Shown, view: View) -> None:
    """The figure, at first in place of a skeleton of its size under its lines and dots, which a browser shows at once;
    drawn again it stays, with its slider where it is."""
    layout = viewport.layout()
    theme = viewport.theme()
    assert shown.cloud is not None
    others, curved = overlay.paths(shown.result, view.overlay), shown.result.curve
    bent = (curved.title, curved.profile) if curved else None
    make = partial(
        path_figure,
        shown.result.naive,
        shown.result.aligned,
        shown.cloud,
        method_title=shown.title,
        theme=theme,
        layout=layout,
        loss_axis=view.axis,
        start=view.start,
        others=others,
        curve=bent,
    )
    look = (view.group, view.projection, theme, layout, view.axis, view.start, *others)
    there = st.session_state.get(DRAWN) == (shown.run_id, *look)
    drawn = picture.drawn("explore", shown.run_id, look, make)
    with st.container(key="figure-at-once"):
        if not there:
            st.markdown(drawn.preview, unsafe_allow_html=True)  # `st.html` loads a script first
    place = st if there else st.skeleton(path_height(layout, tuple(others), curved.title if curved else None))
    st.session_state[DRAWN] = (shown.run_id, *look)
    config = plotly_config(f"run-{shown.run_id}", phone=layout == "narrow")
    place.plotly_chart(drawn, key="figure", config=config, alt=shown.alt)
