"""Methods on one pair: overlaid curves and a table that can be sorted."""

from typing import Any

import streamlit as st

from lmc_core.figures.compare import HEIGHTS, compare_figure
from lmc_core.figures.compare_words import COMPARE_CAPTION, compare_alt, compare_cards, compare_finding
from lmc_core.figures.config import plotly_config
from lmc_core.runs.kinds.compare import ComparisonResult
from pages._widgets import viewport
from pages._widgets.url import choice
from pages._widgets.views import _parts

SPLITS = {"test": "Test examples", "train": "Training examples"}
AXES = {"linear": "linear", "log": "log loss"}
FORMATS = {"half-way %": "%.2f", "barrier, acc.": "%.2f", "seconds": "%.2f"}


def draw(result: ComparisonResult, run_id: str) -> None:
    found = result.found
    by_title = {row.title: row.profile for row in found.rows if row.profile is not None}
    by_name = {row.method: row.profile for row in found.rows if row.profile is not None}
    examples = next(iter(by_name.values())).examples if by_name else None
    _parts.head(
        compare_finding(by_title).markdown,
        _parts.about_models(found.models, found.data, examples),
        compare_cards(by_title, found.seconds) if by_title else (),
    )
    layout = viewport.layout()
    if by_name:
        with st.container(horizontal=True, key="view"):
            how: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}
            split = choice(st.segmented_control, "Examples", SPLITS, "test", "split", **how)
            axis = choice(st.segmented_control, "Loss axis", AXES, "linear", "axis", **how)
        place = st.skeleton(HEIGHTS[layout])
        figure = compare_figure(
            by_name,
            split="train" if split == "train" else "test",
            axis="log" if axis == "log" else "linear",
            theme=viewport.theme(),
            layout=layout,
        )
        config = plotly_config(f"compare-{run_id}", phone=layout == "narrow")
        place.plotly_chart(figure, key="compare", config=config, alt=compare_alt(by_title))
    columns = table(result)
    formats = {name: st.column_config.NumberColumn(format=FORMATS.get(name, "%.4g")) for name in list(columns)[1:-1]}
    st.dataframe(columns, hide_index=True, column_config=formats, alt="Every method with its barrier")
    _parts.foot(
        COMPARE_CAPTION,
        result.notes,
        run_id,
        {
            "Table, CSV": ("methods.csv", lambda: _parts.as_csv(table(result))),
            "Request, JSON": ("request.json", lambda: _parts.request_json(run_id)),
        },
    )


def table(result: ComparisonResult) -> dict[str, list[Any]]:
    """One row per method, the smallest barrier first."""
    rows = result.found.rows
    profiles = [row.profile for row in rows]
    return {
        "method": [row.title for row in rows],
        "barrier, test": [None if p is None else p.barrier() for p in profiles],
        "barrier, train": [None if p is None else p.barrier("train") for p in profiles],
        "half-way %": [None if p is None else 100 * p.midpoint("test", "accuracy") for p in profiles],
        "objective": [row.objective for row in rows],
        "function error": [row.function_error for row in rows],
        "seconds": [row.seconds for row in rows],
        "remarks": ["; ".join([*([row.why] if row.why else []), *row.notes]) for row in rows],
    }
