"""Everything that was measured, as files and as a table."""

import streamlit as st

from lmc_core.words.numbers import count
from pages._show.downloads import downloads
from pages._show.report import table
from pages._show.shown import Shown

PERCENT, LOSS, T = "%.2f %%", "%.3f", "%.2f"


def body(shown: Shown) -> None:
    with st.container(horizontal=True):
        for file in downloads(shown):
            icon = f":material/{file.icon}:"
            st.download_button(file.label, file.make, file.name, file.mime, icon=icon, on_click="ignore")
    columns = table(shown.result)
    config = {name: st.column_config.NumberColumn(name, format=_format(name)) for name in columns}
    st.dataframe(columns, hide_index=True, column_config=config, height=380, alt="Loss and accuracy at every t")
    used = " and ".join(f"{count(n)} {split}" for split, n in shown.result.naive.examples.items())
    st.caption(f"Loss is the mean cross-entropy in nats. Measured on {used} examples.")


def _format(name: str) -> str:
    return T if name == "t" else PERCENT if name.endswith("acc.") else LOSS
