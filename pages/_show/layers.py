"""All layers side by side: features, spread, dimension."""

from functools import partial

import streamlit as st

from lmc_core.figures.path.layers import layers_figure
from lmc_core.words.layers import layers_alt, layers_caption
from pages._show import chart
from pages._show.view import Shown


def body(shown: Shown) -> None:
    """The tab."""
    found = shown.result.layers
    if not found:
        st.caption("There is no layer whose units could be compared.")
        return
    chart.chart("layers", shown.run, partial(layers_figure, found), layers_alt(found))
    chart.caption("layers", layers_caption(found))
