"""A finished fusion: finding, numbers, figure, and what lies under it in tabs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.fuse.figure import HEIGHTS, fuse_figure
from lmc_core.figures.fuse.history import history_figure, history_height
from lmc_core.runs.values.fused import FuseResult
from lmc_core.words.fuse import (
    GROUPS_CAPTION,
    NO_HISTORY,
    function_errors,
    fuse_alt,
    fuse_caption,
    fuse_cards,
    fuse_finding,
    fuse_groups,
    fuse_scores,
    history_alt,
    history_caption,
)
from pages._ask import fuse_form
from pages._frame import viewport
from pages._frame.text import escaped, markdown
from pages._frame.url import link
from pages._show import fuse_files, fuse_share, fuse_tables, later, picture, share
from pages._show.views import _parts

HEIGHT = 300  # pixels that the tabs take, about


def draw(result: FuseResult, run_id: str) -> None:
    outcome, embedded = result.outcome, st.context.is_embedded
    found = fuse_finding(outcome, result.method, max(len(result.data.classes), 2))
    cards = fuse_cards(outcome, result.seconds, result.device)
    few = embedded or viewport.layout() == "narrow"
    _parts.head(found.sentence, fuse_tables.about(result), cards[:4] if few else cards)
    chart("fuse", run_id, HEIGHTS[viewport.layout()], partial(fuse_figure, outcome), fuse_alt(outcome))
    with st.container(key="caption"):
        st.markdown(markdown(fuse_caption(outcome, result.method)))
        for note in result.notes:
            st.caption(f":material/info: {escaped(note)}")
    if embedded:
        st.caption(f"Mode Connectivity Explorer · [open the full analysis]({link('run', id=run_id)})")
        return
    fuse_files.shelf(result, run_id)
    later.below("fuse", HEIGHT, partial(under, run_id))


def under(run_id: str) -> None:
    """The row of tabs; the open one is in the URL."""
    result = runs.result(run_id)
    assert isinstance(result, FuseResult)
    row = st.tabs(list(TABS), key="tab", on_change="rerun", bind="query-params")
    for tab, body in zip(row, TABS.values(), strict=True):
        if tab.open:
            with tab:
                body(result, run_id)


def chart(name: str, run_id: str, height: int, make: Callable[..., Any], alt: str) -> None:
    """A figure in place of a skeleton of its size; drawn once for all visitors."""
    theme, layout = viewport.theme(), viewport.layout()
    place = st.skeleton(height)
    figure = picture.drawn(name, run_id, (theme, layout), partial(make, theme=theme, layout=layout))
    config = plotly_config(f"{name}-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key=name, config=config, alt=alt)


def groups(result: FuseResult, _: str) -> None:
    """Widths before and after, and of how many units each fused unit is made."""
    columns = fuse_groups(result.groups, result.parent_groups, result.sources)
    numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in columns if name.startswith("units of")}
    st.dataframe(columns, hide_index=True, column_config=numbers, alt="Groups of hidden units before and after")
    st.caption(markdown(GROUPS_CAPTION))
    st.caption(markdown(function_errors(result.function_errors)))


def history(result: FuseResult, run_id: str) -> None:
    """The method's objective and the epochs of fine-tuning."""
    steps, curve = result.history, result.outcome.curve
    if not steps and not curve:
        st.caption(NO_HISTORY)
        return
    height = history_height(steps, curve, viewport.layout())
    chart("history", run_id, height, partial(history_figure, steps, curve), history_alt(steps, curve))
    if steps:
        st.caption(markdown(history_caption(steps, result.converged, result.method_title)))


def data(result: FuseResult, run_id: str) -> None:
    """Everything as files, and the scores as a table."""
    with st.container(horizontal=True, key="files"):
        for label, icon, name, make in fuse_files.files(result, run_id):
            st.download_button(label, make, name, icon=f":material/{icon}:", on_click="ignore")
    columns = fuse_scores(result.outcome)
    config = {name: st.column_config.NumberColumn(format="%.2f %%") for name in columns if name.endswith("acc.")}
    config |= {name: st.column_config.NumberColumn(format="%.4f") for name in columns if name.endswith("loss")}
    st.dataframe(columns, hide_index=True, column_config=config, alt="Loss and accuracy of every network")
    st.caption("Loss is the mean cross-entropy in nats.")


def reproduce(result: FuseResult, run_id: str) -> None:
    """The same fusion from a link, a shell and Python."""
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        st.markdown("**Link to this result** · opens without recomputing")
        st.code(share.run_link(run_id), language=None, wrap_lines=True)
        st.markdown("**Command line**")
        st.code(fuse_share.command(result), language="bash")
        st.markdown("**Versions**")
        versions = " · ".join(f"{name} {version}" for name, version in result.versions.items())
        st.caption(escaped(f"{versions} · {result.device} · seed {result.seed}"))
    with right:
        st.markdown("**Python**")
        st.code(fuse_share.python(result), language="python")
        query = fuse_form.controls(result.request)
        st.page_link("fuse.py", label="Change something in Fuse", icon=":material/tune:", query_params=query)


TABS: Mapping[str, Callable[[FuseResult, str], None]] = {
    "Groups": groups,
    "History": history,
    "Data": data,
    "Reproduce": reproduce,
}
