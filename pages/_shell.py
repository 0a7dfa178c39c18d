"""The frame around every page: its title, its one style sheet, the navigation."""

from pathlib import Path

import streamlit as st

from pages._frame import style, viewport

here = Path(__file__).parent

st.set_page_config(
    page_title="Mode Connectivity Explorer",
    page_icon=str(here / "_frame" / "icon.svg"),
    layout="wide",
    menu_items={"About": "Align neural networks and see the path between them."},
)
st.logo(str(here / "_frame" / "wordmark.svg"), icon_image=str(here / "_frame" / "icon.svg"))
page = st.navigation(
    [
        st.Page(here / "explore.py", title="Explore", default=True),
        st.Page(here / "fuse.py", title="Fuse"),
        st.Page(here / "compare.py", title="Compare"),
        st.Page(here / "landscape.py", title="Landscape"),
        st.Page(here / "theory.py", title="Theory"),
        st.Page(here / "library.py", title="Library"),
        st.Page(here / "gallery.py", title="Gallery"),
        st.Page(here / "run.py", title="Run", url_path="run", visibility="hidden"),
    ],
    position="hidden" if st.context.is_embedded else "top",
)
style.apply()
viewport.watch()
st.session_state["page"] = page.url_path
page.run()
