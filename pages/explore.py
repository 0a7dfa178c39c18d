"""Two networks, one alignment, and the path between them."""

import streamlit as st

from lmc_core import runs
from lmc_core.figures.words import inside
from lmc_core.methods import METHODS
from pages._widgets import controls, examples, jobs, run_view
from pages._widgets.text import escaped
from pages._widgets.url import stamp


def explore(default: runs.Request) -> None:
    with st.sidebar:
        asked = controls.draw(default)
    if asked.pressed and jobs.submit(asked.request):
        st.rerun()
    now, last = asked.job or jobs.status(asked.request.id), jobs.status(st.session_state.get("shown", ""))
    if now is not None:
        st.session_state["shown"] = now.id
        run_view.draw(now)
    elif last is not None:
        method = inside(METHODS[asked.request.options["method"]].title)
        st.info(f"The controls have changed: press **Align and compare** for {method}. Below is the last result.")
        run_view.draw(last)
    else:
        one, other = asked.models
        st.markdown("## This pair has not been compared yet.")
        st.caption(f"{escaped(one.title)} and {escaped(other.title)}: press *Align and compare*.")
        examples.finished()
    stamp()


default = runs.default_request()
if default is None:
    examples.empty()
else:
    explore(default)
