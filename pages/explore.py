"""Two networks, one alignment, and the path between them."""

import streamlit as st

from lmc_core import runs
from pages._ask import controls, examples, model_picker
from pages._ask.controls import Controls
from pages._frame.text import escaped
from pages._frame.url import stamp
from pages._jobs import jobs
from pages._show import run_view


def explore(default: runs.Request) -> None:
    with st.sidebar:
        asked = controls.draw(default)
    if asked.pressed and jobs.submit(asked.request):
        st.rerun()
    note = st.container()  # filled or not: what lies below keeps its place, and its hold on the URL
    now, last = asked.job or jobs.status(asked.request.id), jobs.status(st.session_state.get("shown", ""))
    if now is not None:
        if now.state == "done":
            st.session_state["shown"] = now.id
        run_view.draw(now)
        if now.state == "failed":
            remedy(asked)
    elif last is not None:
        note.info("The controls have changed: press **Align and compare** to see their result. Below is the last one.")
        run_view.draw(last)
    else:
        one, other = asked.models
        st.markdown("## This pair has not been compared yet.")
        st.caption(f"{escaped(one.name)} and {escaped(other.name)}: press *Align and compare*.")
        examples.finished()
    stamp()


def remedy(asked: Controls) -> None:
    """Two models that fit, where the chosen ones may not."""
    a, b = asked.models
    fitting = model_picker.sibling(a, model_picker.models())
    if fitting.id not in (a.id, b.id):

        def use() -> None:
            st.session_state["b"], st.session_state["data"] = fitting.id, a.data or st.session_state["data"]

        name = model_picker.titles({card.id: card for card in (fitting,)})[fitting.id]
        st.button(f"Compare with {name} instead", type="primary", key="remedy", on_click=use)
    if a.parameters != b.parameters:  # a fusion does not need equal widths
        both = {"models": f"{a.id},{b.id}", "data": asked.request.options["data"]}
        st.page_link("fuse.py", label="Fuse them instead", icon=":material/join:", query_params=both)


def start() -> runs.Request | None:
    """What the controls say before anybody touched them: the shipped pair, or else the visitor's own first two."""
    own = list(model_picker.models().values())
    if (shipped := runs.default_request()) is not None or len(own) < 2:
        return shipped
    return runs.Request.path(own[0].id, own[1].id, own[0].data or "digits")


default = start()
if default is None:
    examples.empty()
else:
    explore(default)
