"""A second control for the layer, where the first is off the screen: both are always the same."""

from collections.abc import Mapping

import streamlit as st

LAYER = "layer"  # the key of the control over the figure
FEW = 4  # layers that are all told apart in one figure


def layer(place: str, labels: Mapping[str, str], chosen: str | None) -> None:
    """A list of the layers of a large network; choosing one there chooses it for the whole page."""
    if chosen not in labels or len(labels) <= FEW:
        return
    key = f"{place}-layer"
    st.session_state[key] = chosen

    def choose() -> None:
        st.session_state[LAYER] = st.session_state[key]

    st.selectbox("Layer", list(labels), key=key, format_func=labels.__getitem__, on_change=choose, width=280)
