"""What the browser does with every figure, so that no key, no camera and no number of it needs the server."""

from pathlib import Path

import streamlit as st

from pages._frame.script import script

_steer = script(Path(__file__).with_suffix(".js"))


def steer() -> None:
    """Arrow keys, Home and End for sliders; where they and cameras stand in the address; a table of what is drawn."""
    with st.container(key="figures-steer"):
        _steer(key="figures")
