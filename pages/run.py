"""One stored run, the target of a link. Nothing is computed."""

from datetime import UTC, datetime

import streamlit as st

from lmc_core import runs
from lmc_core.methods import METHODS
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values import curve
from pages._ask import examples, fuse_form
from pages._frame.text import escaped
from pages._jobs import jobs, publishing
from pages._show import asked, run_view, share


def about(now: runs.RunStatus) -> None:
    """What was asked, and the way to ask for something else."""
    options = runs.request(now.id).options
    st.markdown("**Stored run**")
    st.caption(escaped(now.title))
    with st.popover("Copy link", icon=":material/link:", width="stretch"):  # what it holds is loaded when it opens
        st.caption("Opens this result without recomputing.")
        st.code(share.run_link(now.id), language=None, wrap_lines=True)
        st.caption("The same with a preview, for chats.")
        st.code(share.card_link(now.id), language=None, wrap_lines=True)
    if now.kind == "path":
        settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options["settings"].items())
        st.markdown(f"**{METHODS[options['method']].title}**")
        st.caption(escaped(settings) or "nothing to set")
        recalibrated = f", recalibrate {options['recalibrate'] or 'none'}"
        st.markdown(f"**{escaped(datasets.title(options['data']))}**")
        st.caption(escaped(f"{options['points']} points, seed {options['seed']}{recalibrated}"))
        if bent := options.get("curve"):
            st.markdown(f"**{escaped(curve.title(bent))}**")
        st.page_link(
            "explore.py",
            label="Change something in Explore",
            icon=":material/tune:",
            query_params=share.controls(options),
        )
    if now.kind == "fuse":
        fuse_form.about(options)
    if now.kind in asked.PAGES:
        asked.draw(now.kind, options)
    st.caption(f"Asked for on {datetime.fromtimestamp(now.created, UTC):%-d %B %Y, %H:%M} UTC.")


run_id = st.query_params.get("id", "")
now = jobs.status(run_id)
if now is None:
    st.markdown("## There is no such run on this server.")
    named = escaped(run_id[:40]) or "nothing"
    st.caption(f"The link names {named}. It may come from another server, or the run was deleted.")
    examples.finished()
else:
    with st.sidebar:
        about(now)
        publishing.draw(now)
    run_view.draw(now)
