"""The frame around every page: its title, its one style sheet, the navigation."""

from pathlib import Path

import streamlit as st

from pages._frame import navigation, style, viewport

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Mode Connectivity Explorer",
    page_icon=str(HERE / "_frame" / "icon.svg"),
    layout="wide",
    menu_items={"About": "Align neural networks and see the path between them."},
)
st.logo(str(HERE / "_frame" / "wordmark.svg"), icon_image=str(HERE / "_frame" / "icon.svg"))
page = st.navigation(navigation.pages(), position="hidden" if st.context.is_embedded else "top")
style.apply()
viewport.watch()
st.session_state["page"] = page.url_path
page.run()
