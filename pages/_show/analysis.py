"""The frame of pages that ask for one kind of run: controls at the side, and whatever became of the run."""

from collections.abc import Callable

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from pages._ask import examples as finished
from pages._frame.text import escaped
from pages._frame.url import stamp
from pages._jobs import gate, jobs, visitor
from pages._show import run_view

EXAMPLES = 3


def page(
    kind: str,
    button: str,
    title: str,
    what: str,
    ask: Callable[[runs.Request], runs.Request],
    expect: Callable[[runs.Request], str] | None = None,
) -> None:
    """One page. Before anybody has asked for anything it shows the default analysis of its kind.

    button   what the primary button says
    title    the heading while there is no result, and `what` it would show
    ask      draws the controls in the sidebar, filled in from the default request, and returns what they ask for
    expect   how long a request will take, as a sentence; by default as long as requests like it took
    """
    default = runs.default_request(kind)
    if default is None:
        finished.empty()
        return
    with st.sidebar:
        try:
            request = ask(default)
        except LMCError as error:
            request = None
            st.error(escaped(str(error)))
        if request is not None and request.id == default.id:
            _default(default)
        pressed, job = (False, None) if request is None else _button(request, button, expect or _usual)
    if request is not None and pressed and jobs.submit(request):
        st.rerun()
    note = st.container()  # filled or not: what lies below keeps its place, and its hold on the URL
    now = job or (None if request is None else jobs.status(request.id))
    last, example = (jobs.status(run_id) for run_id in (st.session_state.get(f"shown-{kind}", ""), default.id))
    if now is not None:
        if now.state == "done":
            st.session_state[f"shown-{kind}"] = now.id
        run_view.draw(now)
    elif last is not None:
        note.info(f"The controls have changed: press **{button}** to see their result. Below is the last one.")
        run_view.draw(last)
    elif example is not None and example.state == "done":
        note.info(f"Press **{button}** to see the result of these controls. Below is a finished example.")
        run_view.draw(example)
    else:
        st.markdown(f"## {title}")
        st.markdown(what)
        examples(kind)
    stamp()


def _default(default: runs.Request) -> None:
    """Wait for the default analysis, if the server has not got to it or put it off; not if this visitor stopped it."""
    now = jobs.status(default.id)
    if not visitor.asked(default.id) and (now is None or now.state not in ("done", "failed")):
        jobs.follow(default)


def examples(kind: str) -> None:
    """Cards of the newest listed runs of this kind."""
    done = runs.recent(EXAMPLES, kind=kind, state="done")
    if not done:
        return
    st.markdown("### Finished examples")
    for column, run in zip(st.columns(EXAMPLES), done, strict=False):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{escaped(run.title)}**")
            st.caption(escaped(run.finding))
            st.page_link("run.py", label="Open", icon=":material/arrow_forward:", query_params={"id": run.id})


def _button(
    request: runs.Request, label: str, expect: Callable[[runs.Request], str]
) -> tuple[bool, runs.RunStatus | None]:
    job = jobs.waiting(request.id, request.kind)
    go = {"type": "primary", "width": "stretch", "disabled": job is not None, "key": "go"}
    pressed = gate.passed("start a run") and st.button(label, **go)  # type: ignore[arg-type]
    if said := "A run is under way." if job is not None else expect(request):
        st.caption(said)
    return pressed, job


def _usual(request: runs.Request) -> str:
    expected = runs.expected(request)
    return "" if expected is None else f"About {jobs.seconds(expected)} on this machine."
