"""Methods on pairs: curves, one panel per pair, and a table that can be sorted."""

from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.compare import compare_figure, compare_height
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.values.card import models_title
from lmc_core.words.compare import compare_alt, compare_caption, compare_cards, compare_finding
from pages._frame import viewport
from pages._frame.url import choice
from pages._show import later, picture
from pages._show.views import _parts

CURVES = {"loss": "Loss", "accuracy": "Accuracy"}
SPLITS = {"test": "Test examples", "train": "Training examples"}
AXES = {"linear": "linear", "log": "log loss"}
FORMATS = {"half-way %": "%.2f", "seconds": "%.2f", "objective": "%.1f", "function error": "%.2g"}
BARRIER = "%.3f"
WORDS = ("method", "pair", "remarks")  # columns that are no numbers
ROWS = 12  # of the table before it scrolls


def draw(result: ComparisonResult, run_id: str) -> None:
    profiles = [pair.profiles for pair in result.pairs]
    examples = next((dict(p.examples) for each in profiles for p in each.values()), None)
    one = len(result.pairs) == 1
    about = _parts.about_models(result.pairs[0].models if one else (), result.data, examples)
    told = _parts.Told(
        about if one else f"{result.title} · " + about,
        compare_cards(profiles, result.seconds),
        compare_caption(len(result.pairs)),
        {"Table": ("methods", partial(table, result))},
        partial(pictures, result),
    )
    _parts.head(compare_finding(profiles).sentence, told.about, told.cards)
    if any(profiles):
        _curves(result, run_id)
    rows = sum(len(pair.rows) for pair in result.pairs)
    later.below("compare", _high(rows), partial(_table, run_id))
    _parts.foot(told, result, run_id)


def _high(rows: int) -> int:
    """Pixels of a table."""
    return 37 + 35 * min(ROWS, rows)


def _table(run_id: str) -> None:
    result = runs.result(run_id)
    assert isinstance(result, ComparisonResult)
    columns = table(result)
    formats = {n: st.column_config.NumberColumn(format=FORMATS.get(n, BARRIER)) for n in columns if n not in WORDS}
    high, alt = _high(len(columns["method"])), "Every method on every pair, its barrier"
    st.dataframe(columns, hide_index=True, column_config=formats, height=high, alt=alt)


def pictures(result: ComparisonResult) -> list[Picture]:
    """The figures of a report: losses, and of several pairs accuracies too."""
    pairs = {name: pair.profiles for name, pair in zip(labels(result), result.pairs, strict=True)}
    every = list(pairs.values())
    if not any(every):
        return []
    caption, alt = str(compare_caption(len(pairs))), compare_alt(every)
    drawn = [Picture("The paths", compare_figure(pairs, standalone=True), caption, alt)]
    if len(pairs) > 1:
        drawn.append(Picture("Accuracy", compare_figure(pairs, metric="accuracy", standalone=True), "", alt))
    return drawn


def _curves(result: ComparisonResult, run_id: str) -> None:
    pairs = {name: pair.profiles for name, pair in zip(labels(result), result.pairs, strict=True)}
    layout, theme = viewport.layout(), viewport.theme()
    with st.container(horizontal=True, key="view"):
        how: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}
        metric = choice(st.segmented_control, "Curves", CURVES, "loss", "curves", **how) if len(pairs) > 1 else "loss"
        split = choice(st.segmented_control, "Examples", SPLITS, "test", "split", **how)
        axis = choice(st.segmented_control, "Loss axis", AXES, "linear", "axis", **how)
    methods = {name for profiles in pairs.values() for name in profiles}
    place = st.skeleton(compare_height(len(pairs), sorted(methods), layout))
    look = (metric, split, axis, theme, layout)
    seen: Any = {"metric": metric, "split": split, "axis": axis, "theme": theme, "layout": layout}
    figure = picture.drawn("compare", run_id, look, partial(compare_figure, pairs, **seen))
    config = plotly_config(f"compare-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="compare", config=config, alt=compare_alt(list(pairs.values())))


def labels(result: ComparisonResult) -> list[str]:
    """The pairs in few words: their seeds, where all models share the title that the page says anyway."""
    named = [models_title(*pair.models) for pair in result.pairs]
    title = result.models[0].title
    alike = all(card.title == title and card.seed is not None for card in result.models)
    return [name.removeprefix(f"{title}, ") for name in named] if alike else named


def table(result: ComparisonResult) -> dict[str, list[Any]]:
    """One row per pair and method, the smallest barrier of each pair first; a failure is a row with its reason."""
    rows = [(name, row) for name, pair in zip(labels(result), result.pairs, strict=True) for row in pair.rows]
    profiles = [row.profile for _, row in rows]
    named = {"pair": [name for name, _ in rows]} if len(result.pairs) > 1 else {}
    return {
        "method": [row.title for _, row in rows],
        **named,
        "barrier, test": [None if p is None else p.barrier() for p in profiles],
        "barrier, train": [None if p is None else p.barrier("train") for p in profiles],
        "half-way %": [None if p is None else 100 * p.midpoint("test", "accuracy") for p in profiles],
        "objective": [row.objective for _, row in rows],
        "function error": [row.function_error for _, row in rows],
        "seconds": [row.seconds for _, row in rows],
        "remarks": ["; ".join([*([row.why] if row.why else []), *row.notes]) for _, row in rows],
    }
