"""A layer of another run, placed: it is shown where that run is."""

import streamlit as st

from lmc_core.runs.kinds.projection import ProjectionResult
from pages._frame.text import escaped


def draw(result: ProjectionResult, run_id: str) -> None:
    asked = result.request
    st.markdown(f"## {escaped(result.finding)}")
    where = {"id": asked["run"], "layer": asked["group"], "projection": asked["projection"]}
    st.page_link("run.py", label="See it in its run", icon=":material/arrow_forward:", query_params=where)
