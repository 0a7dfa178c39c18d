"""A page that shows every figure of a file, each as the pages would."""

import json
import os
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from lmc_core.figures.browser import plotly_config
from pages._frame import figures as frame
from pages._frame import style

st.set_page_config(layout="wide")
style.apply()
frame.steer()
layout = st.query_params["layout"]
file = Path(os.environ["LMC_BOARD"]) / st.query_params["pair"] / f"{layout}.json"
figures = json.loads(file.read_text(encoding="utf-8"))
with st.container(key="board"):
    for name, figure in figures.items():
        drawn = go.Figure(figure, skip_invalid=True)
        st.plotly_chart(drawn, key=name, config=plotly_config(phone=layout == "narrow"), alt=name)
st.markdown(f"{len(figures)} figures.")
