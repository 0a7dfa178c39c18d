"""All layers side by side: features, spread, dimension."""

from functools import partial

import streamlit as st

from lmc_core.figures.config import plotly_config
from lmc_core.figures.layers import layers_alt, layers_figure
from lmc_core.words.captions import layers_caption
from pages._frame import viewport
from pages._show import picture
from pages._show.shown import Shown


def body(shown: Shown) -> None:
    found = shown.result.layers
    if not found:
        st.caption("There is no layer whose units could be compared.")
        return
    layout, theme = viewport.layout(), viewport.theme()
    make = partial(layers_figure, found, theme=theme, layout=layout)
    figure = picture.drawn("layers", shown.run_id, (theme, layout), make)
    config = plotly_config("layers", phone=layout == "narrow")
    st.plotly_chart(figure, key="layers", config=config, alt=layers_alt(found))
    measured = [layer.dimension for layer in found.values()]
    seen = tuple(dimension.seen.dimension for dimension in measured if dimension.seen is not None)
    with st.container(key="caption-layers"):
        st.markdown(layers_caption(seen, max(dimension.units for dimension in measured)))
