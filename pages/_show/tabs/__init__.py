"""What lies under the figure: one file per tab, drawn only while it is open."""

import streamlit as st

from pages._show.shown import Shown
from pages._show.tabs import data, layers, matching, reproduce, symmetry

TABS = {
    "Matching": matching.body,
    "Layers": layers.body,
    "Symmetry": symmetry.body,
    "Data": data.body,
    "Reproduce": reproduce.body,
}


HEIGHT = 460  # pixels that row and body take, about


def draw(shown: Shown) -> None:
    """The row of tabs; the open one is in the URL."""
    row = st.tabs(list(TABS), key="tab", on_change="rerun", bind="query-params")
    for tab, body in zip(row, TABS.values(), strict=True):
        if tab.open:
            with tab:
                body(shown)
