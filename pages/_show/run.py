"""One run, whatever its state: under way, finished, or ended early."""

from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.kinds import KINDS
from pages._frame.text import escaped
from pages._frame.url import link
from pages._jobs import job
from pages._show import result
from pages._show.view import view

STOPPED = {
    "cancelled": "Stopped before it was done.",
    "interrupted": "The server stopped before this was done.",
}


def kind_of(found: Any, otherwise: str) -> str:
    """The kind that a result is of: what came in a bundle is of another than its run."""
    return next((name for name, kind in KINDS.items() if kind.results and type(found) is kind.results[0]), otherwise)


def draw(now: runs.RunStatus) -> None:
    """Finding, progress or reason."""
    if now.state == "done":
        try:
            kind = kind_of(runs.result(now.id), now.kind)
        except LMCError as error:
            st.markdown("## The stored result cannot be read.")
            if (after := runs.status(now.id)).finished and after.state != "done":
                job.ended(after)
            else:
                st.caption(escaped(str(error)))
        else:
            result.draw(kind, now.id)
    elif now.gone:
        st.markdown(f"## The stored result {'cannot be read' if now.removed is None else 'was removed'}.")
        st.caption(escaped(now.title))
        job.ended(now)
    elif now.finished:
        st.markdown(f"## {STOPPED.get(now.state, view(now.kind).failed)}")
        st.caption(escaped(now.title))
        job.ended(now)
    else:
        doing = view(now.kind).doing
        st.markdown(f"## {doing(runs.request(now.id).options) if doing else KINDS[now.kind].doing} …")
        address = f"run [{now.id}]({link('run', id=now.id)})"
        st.caption(f"{escaped(now.title)} · {address}. You may close this page; the link will show the result.")
        job.watch((now.id,), job.card)
