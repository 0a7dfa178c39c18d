"""One network made of several."""

from functools import partial

import streamlit as st

from lmc_core.figures.fuse.figure import HEIGHTS, fuse_figure
from lmc_core.figures.fuse.history import history_figure, history_height
from lmc_core.runs.kinds.fuse import FuseResult
from lmc_core.runs.summary.fuse import groups_table, summary
from lmc_core.words.fuse import (
    GROUPS_CAPTION,
    NO_HISTORY,
    function_errors,
    fuse_alt,
    history_alt,
    history_caption,
)
from pages._frame.text import markdown
from pages._show import table
from pages._show.chart import chart
from pages._show.fuse import reproduce, shelf
from pages._show.view import Shown, View


def shown(result: FuseResult, run_id: str, look: None) -> Shown:
    listings = {
        "Command line": lambda: reproduce.command(result),
        "Python": lambda: reproduce.python(result),
    }
    return Shown.of(summary(result), run_id, look, listings=listings)


def figure(shown: Shown) -> None:
    outcome = shown.result.outcome
    chart("fuse", shown.run, partial(fuse_figure, outcome), fuse_alt(outcome), height=HEIGHTS.__getitem__)


def groups(shown: Shown) -> None:
    """Widths before and after, and of how many units each fused unit is made."""
    table.show(groups_table(shown.result), "Groups of hidden units before and after")
    st.caption(markdown(GROUPS_CAPTION))
    st.caption(markdown(function_errors(shown.result.function_errors)))


def history(shown: Shown) -> None:
    """The method's objective and the epochs of fine-tuning."""
    result = shown.result
    steps, curve = result.history, result.outcome.curve
    if not steps and not curve:
        st.caption(NO_HISTORY)
        return
    high = partial(history_height, steps, curve)
    chart("history", shown.run, partial(history_figure, steps, curve), history_alt(steps, curve), height=high)
    if steps:
        st.caption(markdown(history_caption(steps, result.converged, result.method_title)))


VIEW = View(
    shown,
    figure=figure,
    under=shelf.draw,
    tabs={"Groups": groups, "History": history},
    height=300,
    brief=4,
    title="Fusion",
    page="fuse",
    failed="These networks could not be fused.",
)
