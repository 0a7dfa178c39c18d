"""One stored run, the target of a link. Nothing is computed."""

from datetime import UTC, datetime

import streamlit as st

from lmc_core import runs
from pages._ask import examples
from pages._frame.text import escaped
from pages._frame.url import link
from pages._jobs import deleting, job, publishing
from pages._show import request, run


def about(now: runs.RunStatus) -> None:
    """What was asked, and the way to ask for something else."""
    st.markdown("**Stored run**")
    st.caption(escaped(now.title))
    with st.popover("Copy link", icon=":material/link:", width="stretch"):  # what it holds is loaded when it opens
        st.caption("Opens this result without recomputing.")
        st.code(link("run", id=now.id), language=None, wrap_lines=True)
        st.caption("The same with a preview, for chats.")
        st.code(link(f"r/{now.id}"), language=None, wrap_lines=True)
    request.draw(now.kind, runs.request(now.id).options)
    st.caption(f"Asked for on {datetime.fromtimestamp(now.created, UTC):%-d %B %Y, %H:%M} UTC.")


run_id = st.query_params.get("id", "")
now = job.status(run_id)
if now is None:
    st.markdown("## There is no such run on this server.")
    named = f"The link names {escaped(run_id[:40])}." if run_id else "This address has no run id."
    st.caption(f"{named} It may come from another server, or the run was deleted.")
    examples.finished()
else:
    with st.sidebar:
        about(now)
        publishing.draw(now)
        deleting.run(now)
    run.draw(now)
