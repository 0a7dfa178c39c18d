"""Whether a run is in the gallery, and under which words: decided by who asked for it first."""

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from pages._frame.text import escaped
from pages._jobs import visitor


def draw(now: runs.RunStatus) -> None:
    """The owner's form; for everybody else, nothing."""
    if now.state != "done" or not runs.owned(now.id, visitor.name()):
        return
    said = "This run is in the gallery." if now.listed else "Only who has the link can see this run."
    with st.expander("In the gallery" if now.listed else "Publish", icon=":material/public:"):
        st.caption(f"{said} Anyone who opens it sees the names of both networks, and may download what is drawn here.")
        st.caption("What you publish is not removed to make room for other results.")
        with st.form(f"publish-{now.id}", border=False):
            st.text_input("Tags, separated by commas", ", ".join(now.tags), key="tags", placeholder="width, batchnorm")
            label = "Save tags" if now.listed else "Publish"
            st.form_submit_button(label, type="primary", on_click=_publish, args=(now.id, True), key="publish")
        if now.listed:
            st.button("Take out of the gallery", key="unpublish", on_click=_publish, args=(now.id, False))


def _publish(run: str, listed: bool) -> None:
    words = str(st.session_state.get("tags", "")).split(",")
    try:
        runs.publish(run, visitor.name(), listed, words)
    except LMCError as error:
        st.toast(escaped(str(error)), icon=":material/error:")
