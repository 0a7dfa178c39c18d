"""Every method on one pair."""

import streamlit as st

from lmc_core import runs
from lmc_core.methods import METHODS
from pages._widgets import analysis, pair_form

WHAT = (
    "Alignment methods differ in what they compare and in how they search. This page runs those you choose on one "
    "pair and overlays the paths they find, with a table of barriers, objectives and times. "
    "Choose a pair and press *Compare the methods*."
)


def ask(default: runs.Request) -> runs.Request:
    """The comparison that the controls describe."""
    a, b, data = pair_form.pair(default)
    st.markdown("**Methods**")
    methods = st.multiselect(
        "Methods",
        list(METHODS),
        list(METHODS),
        format_func=lambda name: METHODS[name].title,
        key="methods",
        label_visibility="collapsed",
        persist_state="session",
    )
    with st.expander("Evaluation"):
        points = st.number_input(
            "Points",
            3,
            201,
            default.options["points"],
            2,
            key="points",
            bind="query-params",
            help="How many values of t are measured.",
        )
        measured = pair_form.measure(default)
    return runs.Request.of("compare", a=a.id, b=b.id, data=data, methods=methods, points=points, **measured)


analysis.page("compare", "Compare the methods", "Which method finds the way?", WHAT, ask)
