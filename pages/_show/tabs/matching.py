"""How well the units fit, before and after."""

from functools import partial
from typing import Any

import streamlit as st

from lmc_core.figures.browser import plotly_config
from lmc_core.figures.path.matching import matching_figure
from lmc_core.words.matching import MATCHING_CAPTION, matching_alt, matching_rows
from pages._frame import viewport
from pages._frame.text import markdown
from pages._show import picture
from pages._show.shown import Shown

COSTS = ("cost before", "cost after", "least possible")


def body(shown: Shown) -> None:
    found = shown.result.matching
    if shown.cloud is None or shown.cloud.group not in found:
        st.caption("There is nothing to match in this network.")
        return
    group, layout, theme = shown.cloud.group, viewport.layout(), viewport.theme()
    look = (group, theme, layout)
    make = partial(matching_figure, found, group, theme=theme, layout=layout)
    figure = picture.drawn("matching", shown.run_id, look, make)
    config = plotly_config(f"matching-{group}", phone=layout == "narrow")
    st.plotly_chart(figure, key="matching", config=config, alt=matching_alt(found, group))
    with st.container(key="caption-matching"):
        st.markdown(markdown(MATCHING_CAPTION))
    rows = matching_rows(found)
    columns = {name: [row[name] for row in rows] for name in rows[0] if any(row[name] is not None for row in rows)}
    formats: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.3f") for name in COSTS}
    formats["activation correlation"] = st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1)
    st.dataframe(columns, hide_index=True, column_config=formats, alt="Each group: units moved, cost before and after")
