"""JavaScript files as components of a page."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer


def script(file: Path) -> ComponentRenderer:
    """The component that the default export of a file is; it is called with data, keys and callbacks."""
    return st.components.v2.component(file.stem, js=file.read_text(encoding="utf-8"))
