"""One run, whatever its state: under way, finished, or ended early."""

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.figures.words import inside
from lmc_core.methods import METHODS
from lmc_core.runs.result import PathResult
from pages._widgets import jobs, result
from pages._widgets.url import link

HEADINGS = {
    "failed": "This could not be done.",
    "cancelled": "Stopped before it was done.",
    "interrupted": "The server stopped before this was done.",
}


def draw(now: runs.RunStatus) -> None:
    """Finding, progress or reason."""
    if now.state == "done":
        try:
            found = runs.result(now.id)
        except LMCError as error:
            st.markdown("## The stored result cannot be read.")
            st.caption(str(error))
            return
        if isinstance(found, PathResult):
            result.draw(found, now.id)
        else:
            st.markdown(f"## {found.title} was read.")
            st.caption(found.finding)
    elif now.finished:
        st.markdown(f"## {HEADINGS[now.state]}")
        st.caption(now.title)
        jobs.ended(now)
    else:
        st.markdown(f"## {_doing(now)} …")
        address = f"run [{now.id}]({link('run', id=now.id)})"
        st.caption(f"{now.title} · {address}. You may close this page; the link will show the result.")
        jobs.watch(now.id)


def _doing(now: runs.RunStatus) -> str:
    options = runs.request(now.id).options
    if now.kind != "path":
        return f"Reading {now.title}"
    return f"Aligning :violet[B] to :blue[A] by {inside(METHODS[options['method']].title)}"
