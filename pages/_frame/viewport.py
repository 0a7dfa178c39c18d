"""What is known of the screen that looks at the page."""

from pathlib import Path
from typing import Literal

import streamlit as st

from pages._frame.script import script

NARROW = 700  # CSS pixels of the column of a page up to which panels stand one under the other

_watch = script(Path(__file__).with_name("viewport.js"))


def watch() -> None:
    """Learn the width of the column, and of its changes; once per page, before anything asks for the layout."""
    guess = st.session_state.get("narrow", "Mobi" in st.context.headers.get("User-Agent", ""))
    with st.container(key="viewport-watch"):
        data = {"narrow": guess, "width": NARROW}
        seen = _watch(key="viewport", data=data, default={"narrow": guess}, on_narrow_change=lambda: None)
    st.session_state["narrow"] = bool(seen.narrow)


def layout() -> Literal["wide", "narrow"]:
    """As `?layout=` asks, else as the column is; before that is known, as the browser's name suggests."""
    asked = st.query_params.get("layout")
    if asked in ("wide", "narrow"):
        return asked  # type: ignore[return-value]
    return "narrow" if st.session_state.get("narrow") else "wide"


def theme() -> Literal["light", "dark"]:
    return "dark" if st.context.theme.type == "dark" else "light"
