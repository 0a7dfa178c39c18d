"""All layers side by side: features, spread, dimension."""

from functools import partial

import streamlit as st

from lmc_core.figures.path.layers import layers_figure
from lmc_core.words.layers import layers_alt, layers_caption
from pages._show import chart, pick
from pages._show.view import Shown


def body(shown: Shown) -> None:
    """The tab."""
    found = shown.result.layers
    if not found:
        st.caption("There is no layer whose units could be compared.")
        return
    group = getattr(shown.look, "group", None)
    pick.layer("layers", {name: layer.label for name, layer in found.items()}, group)
    make = partial(layers_figure, found, group)
    chart.chart("layers", shown.run, make, layers_alt(found), look=(group,))
    chart.caption("layers", layers_caption(found))
