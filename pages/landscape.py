"""The plane through two networks and the second one aligned."""

import streamlit as st

from lmc_core import runs
from pages._widgets import analysis, method_form, pair_form

WHAT = (
    "Three networks span a plane of weights: **A**, **B**, and B with its units re-ordered. The maps show the loss and "
    "the accuracy of every network in it, with the straight paths from A to B and to aligned B drawn in. "
    "Choose a pair and press *Measure the plane*."
)


def ask(default: runs.Request) -> runs.Request:
    """The plane that the controls describe."""
    a, b, data = pair_form.pair(default)
    method, settings = method_form.method(default.options["method"])
    with st.expander("Grid"):
        grid = st.number_input(
            "Cells",
            5,
            61,
            default.options["grid"],
            2,
            key="grid",
            bind="query-params",
            help="Networks along the longer side of the plane.",
        )
        measured = pair_form.measure(default)
    return runs.Request.of("plane", a=a.id, b=b.id, data=data, method=method, settings=settings, grid=grid, **measured)


analysis.page("plane", "Measure the plane", "What lies between these networks?", WHAT, ask)
