"""Small runs that complete a result: asked for, waited for, or asked for again where one ended early."""

from collections.abc import Mapping

import streamlit as st

from lmc_core import runs
from pages._frame.text import escaped
from pages._jobs import gate, job


def missing(requests: Mapping[str, runs.Request], key: str, words: str, label: str) -> None:
    """The run under way, or why one ended early and a button that starts all that are not there.

    requests   title → what completes the result
    words      what is missing, with `{}` for the titles; `label` is what the button says
    """
    states = {title: job.status(request.id) for title, request in requests.items()}
    under_way = [now for now in states.values() if now is not None and not now.finished]
    if under_way:
        job.watch((min(under_way, key=lambda now: now.state != "running").id,), job.card)
        return
    absent = [title for title, now in states.items() if now is None or now.state != "done"]
    if not absent:
        return
    for title in absent:
        if (now := states[title]) is not None:
            st.caption(f":material/error: {title} ended early: {escaped(now.reason) or now.state}.")
    with st.container(border=True, key=f"{key}-missing", horizontal=True, vertical_alignment="center"):
        st.markdown(words.format(", ".join(absent)), width="stretch")
        if gate.passed("run it") and st.button(label, key=f"{key}-run"):
            for title in absent:
                job.submit(requests[title], follow=False)
            st.rerun()
