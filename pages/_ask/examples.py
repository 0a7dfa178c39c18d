"""Where to start when there is nothing to show: two places for files, and finished runs."""

import streamlit as st

from lmc_core import runs
from pages._ask import upload
from pages._frame.navigation import lead
from pages._frame.text import escaped

LIMIT = 3


def finished(kind: str = "path") -> None:
    """Cards of the newest listed runs of a kind."""
    done = runs.recent(LIMIT, kind=kind, state="done")
    if not done:
        return
    st.markdown("### Finished examples")
    for column, run in zip(st.columns(LIMIT), done, strict=False):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{escaped(run.title)}**")
            st.caption(escaped(run.finding))
            lead("run", "Open", {"id": run.id})


def empty() -> None:
    """A server without any model."""
    st.markdown("## Drop two checkpoints to see whether a straight line joins them.")
    st.caption("Or start from a pair that is already here.")
    for column, name in zip(st.columns(2), (":blue[●] Model A", ":violet[●] Model B"), strict=True):
        with column.container(border=True):
            st.markdown(f"**{name}**")
            upload.drop(name[-1])
    finished()
