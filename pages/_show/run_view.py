"""One run, whatever its state: under way, finished, or ended early."""

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.methods import METHODS
from lmc_core.runs.kinds import MORE
from lmc_core.words.numbers import inside
from pages._frame.text import escaped
from pages._frame.url import link
from pages._jobs import jobs
from pages._show.views import VIEWS

HEADINGS = {
    "failed": "These two networks could not be compared.",
    "cancelled": "Stopped before it was done.",
    "interrupted": "The server stopped before this was done.",
}
FAILED = {
    "fuse": "These networks could not be fused.",
    "inspect": "This file could not be read.",
    "data": "This file could not be read.",
    "bundle": "This bundle could not be opened.",
}


def draw(now: runs.RunStatus) -> None:
    """Finding, progress or reason."""
    if now.state == "done":
        try:
            found = runs.result(now.id)
        except LMCError as error:
            st.markdown("## The stored result cannot be read.")
            st.caption(escaped(str(error)))
            return
        view = VIEWS.get(type(found))
        if view is not None:
            view(found, now.id)
        else:
            st.markdown(f"## {escaped(found.title)} was read.")
            st.caption(escaped(found.finding))
    elif now.finished:
        said = FAILED.get(now.kind) if now.state == "failed" else None
        st.markdown(f"## {said or HEADINGS[now.state]}")
        st.caption(escaped(now.title))
        jobs.ended(now)
    else:
        st.markdown(f"## {_doing(now)} …")
        address = f"run [{now.id}]({link('run', id=now.id)})"
        st.caption(f"{escaped(now.title)} · {address}. You may close this page; the link will show the result.")
        jobs.watch(now.id)


def _doing(now: runs.RunStatus) -> str:
    options = runs.request(now.id).options
    if now.kind in MORE:
        return MORE[now.kind].doing
    if now.kind != "path":
        return f"Reading {escaped(now.title)}"
    return f"Aligning :violet[B] to :blue[A] by {inside(METHODS[options['method']].title)}"
