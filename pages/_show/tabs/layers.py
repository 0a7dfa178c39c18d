"""All layers side by side: features, spread, dimension."""

from functools import partial

import streamlit as st

from lmc_core.figures.browser import plotly_config
from lmc_core.figures.path.layers import layers_figure
from lmc_core.words.layers import layers_alt, layers_caption
from pages._frame import viewport
from pages._frame.text import markdown
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
    with st.container(key="caption-layers"):
        st.markdown(markdown(layers_caption(found)))
