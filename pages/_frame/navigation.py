"""The pages of this server, and links between them."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

HERE = Path(__file__).parents[1]
TITLES = {
    "explore": "Explore",
    "fuse": "Fuse",
    "compare": "Compare",
    "landscape": "Landscape",
    "theory": "Theory",
    "library": "Library",
    "gallery": "Gallery",
    "guide": "Guide",
    "run": "Run",
}
"""Page → what it is called; the first is the one that opens."""
UNLISTED = ("run",)
ARROW = ":material/arrow_forward:"


def pages() -> list[StreamlitPage]:
    """All of them, for the navigation."""
    return [
        st.Page(
            HERE / f"{name}.py",
            title=title,
            default=name == next(iter(TITLES)),
            visibility="hidden" if name in UNLISTED else "visible",
        )
        for name, title in TITLES.items()
    ]


def lead(page: str, label: str, query: Mapping[str, str] | None = None, *, icon: str = ARROW) -> None:
    """A link to a page with these controls."""
    st.page_link(HERE / f"{page}.py", label=label, icon=icon, query_params=dict(query or {}))
