"""One stored run, the target of a link. Nothing is computed."""

import streamlit as st

from pages._widgets import examples, jobs, run_view
from pages._widgets.text import escaped

run_id = st.query_params.get("id", "")
now = jobs.status(run_id)
if now is None:
    st.markdown("## There is no such run on this server.")
    st.caption(
        f"The link names {escaped(run_id[:40]) or 'nothing'}. It may come from another server, or the run was deleted."
    )
    examples.finished()
else:
    run_view.draw(now)
