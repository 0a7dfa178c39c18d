"""The frame of pages that ask for one kind of run: controls at the side, and whatever became of the run."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from pages._ask import examples
from pages._frame.text import escaped
from pages._jobs import gate, job, visitor
from pages._show import run
from pages._show.view import nothing

LARGER = 1.5  # times as many parameters are worth a word


def usual(request: runs.Request) -> str:
    """How long it should take, as long as requests like it took."""
    expected = runs.expected(request)
    if expected is not None:
        return f"About {job.seconds(expected)} on this machine."
    took = runs.usual(request.kind)
    return "" if took is None else f"The example of this page took {job.seconds(took)}; {size(runs.larger(request))}."


def size(times: float | None) -> str:
    """What is known of a first run of networks that have so many times the parameters of those of an example."""
    if times is None:
        return "large networks take longer"
    if 1 / LARGER < times < LARGER:
        return "these networks are about as large"
    most, least = ("these networks have", times) if times > 1 else ("its networks have", 1 / times)
    return f"{most} {least:,.0f} times as many parameters"


@dataclass(frozen=True)
class Analysis:
    """A page that asks for one kind of run.

    button   what the primary button says
    title    the heading while there is no result, and `what` it would show
    ask      draws the controls in the sidebar, filled in from a request, and returns what they ask for
    expect   how long a request will take, as a sentence
    remedy   draws what can be done about a request that failed
    example  compute the default analysis where that is still to be done, and show it until there is another result
    """

    kind: str
    button: str
    title: str
    what: str | Callable[[runs.Request], str]
    ask: Callable[[runs.Request], runs.Request]
    expect: Callable[[runs.Request], str] = usual
    remedy: Callable[[runs.Request], None] = nothing
    example: bool = True

    def draw(self, default: runs.Request | None = None) -> None:
        """The page; its controls first show the default analysis of the host, or else `default`."""
        shipped = runs.default_request(self.kind)
        start = shipped or default
        if start is None:
            examples.empty()
            return
        with st.sidebar:
            request, now = self._controls(start, shipped)
        note = st.container()  # filled or not: what lies below keeps its place, and its hold on the URL
        last = job.status(st.session_state.get(f"shown-{self.kind}", ""))
        example = job.status(start.id) if self.example else None
        if now is not None:
            if now.state == "done":
                st.session_state[f"shown-{self.kind}"] = now.id
            run.draw(now)
            if now.state == "failed" and request is not None:
                self.remedy(request)
        elif last is not None:
            note.info(
                f"The controls have changed: press **{self.button}** to see their result. "
                f"Below is the last one: {escaped(last.title)}."
            )
            run.draw(last)
        elif example is not None and example.state == "done":
            note.info(
                f"Press **{self.button}** to see the result of these controls. "
                f"Below is a finished example: {escaped(example.title)}."
            )
            run.draw(example)
        else:
            st.markdown(f"## {self.title}")
            st.markdown(self.what if isinstance(self.what, str) else self.what(request) if request else "")
            examples.finished(self.kind)

    def _controls(
        self, start: runs.Request, shipped: runs.Request | None
    ) -> tuple[runs.Request | None, runs.RunStatus | None]:
        """What the controls ask for, if that can be asked for, and the run to show for it."""
        try:
            request = runs.bind(self.ask(start))
        except LMCError as error:
            st.error(escaped(str(error)))
            return None, None
        if self.example and shipped is not None and request.id == shipped.id:
            _prepare(shipped)
        busy = job.waiting(request)
        go = {"type": "primary", "width": "stretch", "disabled": busy is not None, "key": "go"}
        pressed = gate.passed("start a run") and st.button(self.button, **go)  # type: ignore[arg-type]
        if words := "A run is under way." if busy is not None else self.expect(request):
            st.caption(words)
        if pressed and job.submit(request):
            st.rerun()
        return request, busy or job.status(request.id)


def _prepare(default: runs.Request) -> None:
    """Wait for the default analysis, if the server has not got to it or put it off; not if this visitor stopped it."""
    now = job.status(default.id)
    if not visitor.started(default.id) and (now is None or now.state not in ("done", "failed")):
        job.join(default)
