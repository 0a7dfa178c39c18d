"""Methods on pairs: curves, one panel per pair, and a table that can be sorted."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from lmc_core.figures.compare import barriers_figure, barriers_height, compare_figure, compare_height, separating
from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.summary.compare import named, profiles, summary
from lmc_core.words.compare import barriers_alt, compare_alt
from pages._frame.url import buttons
from pages._show.chart import chart, same_height
from pages._show.view import Shown, View

CURVES = {"loss": "Loss", "accuracy": "Accuracy"}
SPLITS = {"test": "Test examples", "train": "Training examples"}
AXES = {"linear": "linear", "log": "log loss"}


@dataclass(frozen=True)
class Look:
    metric: str
    split: str
    axis: str


def look(result: ComparisonResult, run_id: str) -> Look | None:
    if not any(profiles(result)):
        return None
    with st.container(horizontal=True, key="view"):
        metric = buttons("Curves", CURVES, "curves") if len(result.pairs) > 1 else "loss"
        split: Any = buttons("Examples", SPLITS, "split")
        axis = buttons("Loss axis", AXES, "axis", separating(named(result), split))
        return Look(metric, split, axis)


def shown(result: ComparisonResult, run_id: str, look: Look | None) -> Shown:
    return Shown.of(summary(result), run_id, look)


def figure(shown: Shown) -> None:
    look, pairs = shown.look, named(shown.result)
    if look is None:
        return
    methods = sorted({name for each in pairs.values() for name in each})
    make = partial(compare_figure, pairs, metric=look.metric, split=look.split, axis=look.axis)
    high = partial(compare_height, len(pairs), methods)
    chart("compare", shown.run, make, compare_alt(list(pairs.values())), height=high, look=(look,))


def under(shown: Shown) -> None:
    """The barrier of every method."""
    pairs = named(shown.result)
    if shown.look is None or not any(pairs.values()):
        return
    methods = {name for each in pairs.values() for name in each}
    high = partial(same_height, barriers_height(len(methods)))
    chart("barriers", shown.run, partial(barriers_figure, pairs), barriers_alt(list(pairs.values())), height=high)


VIEW = View(shown, look, figure, under, height=600, title="Comparison", page="compare")
