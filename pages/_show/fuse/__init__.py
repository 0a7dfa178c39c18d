"""One network made of several."""

from functools import partial

import streamlit as st

from lmc_core.figures.fuse.figure import HEIGHTS, fuse_figure
from lmc_core.figures.fuse.history import history_figure, history_height
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.fuse import FuseResult
from lmc_core.runs.library import data as datasets
from lmc_core.words.fuse import (
    GROUPS_CAPTION,
    NO_HISTORY,
    function_errors,
    fuse_alt,
    fuse_caption,
    fuse_cards,
    fuse_finding,
    fuse_groups,
    fuse_paths,
    fuse_scores,
    history_alt,
    history_caption,
)
from lmc_core.words.models import models_line
from pages._frame.text import markdown
from pages._show import table
from pages._show.chart import chart
from pages._show.fuse import reproduce, shelf
from pages._show.view import Columns, Shown, Table, View


def shown(result: FuseResult, run_id: str, look: None) -> Shown:
    outcome, data = result.outcome, result.data
    used = {"train": data.train, "test": data.test}
    shares = [f"λ {weight:.2f}" for weight in result.weights]
    score, note = "Loss and accuracy of every network", "Loss is the mean cross-entropy in nats."
    return Shown(
        run_id,
        result,
        look,
        fuse_finding(outcome, result.method, max(len(data.classes), 2)).sentence,
        about=models_line(result.models, datasets.title(data.name), used, details=shares),
        cards=fuse_cards(outcome, result.seconds, result.device),
        caption=fuse_caption(outcome, result.method),
        notes=result.notes,
        tables=(
            Table(partial(fuse_scores, outcome), "Scores", score, score, note),
            Table(partial(fuse_paths, outcome), "Paths"),
            Table(partial(groups_table, result), title="Groups of hidden units, before and after"),
        ),
        pictures=partial(pictures, result),
        listings={
            "Command line": lambda: reproduce.command(result),
            "Python": lambda: reproduce.python(result),
        },
    )


def figure(shown: Shown) -> None:
    outcome = shown.result.outcome
    chart("fuse", shown.run, partial(fuse_figure, outcome), fuse_alt(outcome), height=HEIGHTS.__getitem__)


def pictures(result: FuseResult) -> list[Picture]:
    """The figures of a report."""
    outcome = result.outcome
    caption, alt = str(fuse_caption(outcome, result.method)), fuse_alt(outcome)
    drawn = [Picture("The networks and the paths", fuse_figure(outcome, standalone=True), caption, alt)]
    if result.history or outcome.curve:
        made = history_figure(result.history, outcome.curve, standalone=True)
        drawn.append(Picture("How it went", made, "", history_alt(result.history, outcome.curve)))
    return drawn


def groups_table(result: FuseResult) -> Columns:
    return fuse_groups(result.groups, result.parent_groups, result.sources)


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
