"""What is known of the screen that looks at the page."""

from pathlib import Path
from typing import Any, Literal

import streamlit as st

from pages._frame.script import script

NARROW = 700  # CSS pixels of the column of a page up to which panels stand one under the other

_watch = script(Path(__file__).with_name("viewport.js"))


def watch() -> None:
    """Learn the width of the column and the theme of the page, and when they change; once per page, before anything
    asks for them."""
    phone = "Mobi" in st.context.headers.get("User-Agent", "")
    guess = {"narrow": phone, "dark": st.context.theme.type == "dark"}
    known = {name: st.session_state.get(name, value) for name, value in guess.items()}
    changed: dict[str, Any] = {f"on_{name}_change": lambda: None for name in known}
    with st.container(key="viewport-watch"):
        seen = _watch(key="viewport", data=known | {"width": NARROW}, default=known, **changed)
    for name in known:
        st.session_state[name] = bool(seen[name])


def layout() -> Literal["wide", "narrow"]:
    """As `?layout=` asks, else as the column is; before that is known, as the browser's name suggests."""
    asked = st.query_params.get("layout")
    if asked in ("wide", "narrow"):
        return asked  # type: ignore[return-value]
    return "narrow" if st.session_state.get("narrow") else "wide"


def theme() -> Literal["light", "dark"]:
    """As the page is: the server is not told when somebody switches, so the browser says it."""
    return "dark" if st.session_state.get("dark", st.context.theme.type == "dark") else "light"
