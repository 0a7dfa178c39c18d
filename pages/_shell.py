"""The frame around every page: its title, its one style sheet, the navigation."""

from pathlib import Path

import streamlit as st

from lmc_core.runs.share.routes import NAME
from pages._frame import figures, navigation, style, url, viewport
from pages._frame.turns import turn

HERE = Path(__file__).parent

with turn():
    st.set_page_config(
        page_title=NAME,
        page_icon=str(HERE / "_frame" / "icon.svg"),
        layout="wide",
        menu_items={"About": "Align neural networks and see the path between them."},
    )
    st.logo(str(HERE / "_frame" / "wordmark.svg"), icon_image=str(HERE / "_frame" / "icon.svg"))
    page = st.navigation(navigation.pages(), position="hidden" if st.context.is_embedded else "top")
    if not page.url_path.startswith(navigation.UNLISTED):
        st.set_page_config(page_title=f"{page.title} · {NAME}")
    style.apply()
    viewport.watch()
    figures.steer()
    if st.session_state.get("page") != page.url_path:
        st.session_state["visit"] = st.session_state.get("visit", 0) + 1  # of pages, one after the other
    st.session_state["page"] = page.url_path
    url.listen()
    url.renew()
    page.run()
