"""One run on its way: how far it is, how it is stopped, why it ended early, and how it is run again."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import InputError, LMCError
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.compare import compare_figure
from lmc_core.figures.path.progress import progress_figure
from lmc_core.figures.plane.maps import plane_figure
from lmc_core.words.compare import compare_alt, profiles_so_far, rows_so_far
from lmc_core.words.numbers import count, inside, opening
from lmc_core.words.path import progress_alt, progress_words
from lmc_core.words.plane import plane_alt, surface_so_far
from pages._frame import viewport
from pages._frame.text import escaped, markdown
from pages._jobs import gate, visitor

POLL = 0.5  # seconds between looks at a job
STOPPED = 1.0  # seconds after which a cancelled run has stopped
TOLD = 0.02  # of a run without any like it before, from which its own steps tell how long it will take
COUNTED = 100  # more parts than this are told in percent


def status(run_id: str) -> runs.RunStatus | None:
    """How a run is doing; None if this server never heard of it."""
    try:
        return runs.status(run_id)
    except InputError:
        return None


def submit(request: runs.Request, *, follow: bool = True) -> bool:
    """Queue a request for this visitor. A full queue, or a missing login, is said in a toast.

    follow   show this run on the page until it is done, whatever the controls say meanwhile
    """
    if not gate.allowed():
        st.toast("Log in to start a run.", icon=":material/login:")
        return False
    try:
        run_id = runs.submit(request, visitor.name())
    except LMCError as error:
        st.toast(escaped(str(error)), icon=":material/error:")
        return False
    visitor.starts(run_id)
    if follow:
        st.session_state["job"] = run_id
    return True


def join(request: runs.Request) -> None:
    """Let this visitor wait for a run of the host's own, which anybody may see; it is queued if it is not yet."""
    with suppress(LMCError):
        runs.submit(request)
        runs.submit(request, visitor.name())
        visitor.starts(request.id)


def waiting(request: runs.Request) -> runs.RunStatus | None:
    """The unfinished run to show: the one of this kind that this visitor started last, or else that of the request."""
    for run_id in (st.session_state.get("job"), request.id):
        now = status(run_id) if run_id else None
        if now is not None and not now.finished and now.kind == request.kind:
            return now
    return None


def seconds(value: float) -> str:
    """Nine tenths of a second as 0.9 s; 42 s; 3 min 05 s."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


@st.fragment(run_every=POLL)
def watch(run_ids: tuple[str, ...], draw: Callable[[runs.RunStatus], None]) -> None:
    """Unfinished runs, drawn twice a second. When one ends, the whole page is drawn anew, and the polling is over."""
    found = [now for run_id in run_ids if (now := status(run_id)) is not None and not now.finished]
    if len(found) < len(run_ids):
        st.rerun()
    for now in found:
        draw(now)


def card(now: runs.RunStatus) -> None:
    """A queued or running job, with everything that is known of it."""
    with st.container(border=True, key="job"):
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.markdown(stage(now))
        with button:
            _cancel_button(now.id, "cancel", width="stretch")
        st.progress(now.fraction)
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.caption(f"elapsed {seconds(now.elapsed)}", width="content")
            st.caption(steps(now), width="content")
            st.caption(left(now), width="content")
    curve(now)


def line(now: runs.RunStatus) -> None:
    """The same in one line, for the reading of a file."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(now.fraction, f"{escaped(now.title)}: {stage(now)}")
        _cancel_button(now.id, f"cancel-{now.id}", width="content")


def _cancel_button(run_id: str, key: str, width: str) -> None:
    """Stop the run, and show at once that it stopped: the next look would come half a second later."""
    how = {"icon": ":material/close:", "width": width, "key": key}
    if not visitor.waits(run_id) or not st.button("Cancel", **how):  # type: ignore[arg-type]
        return
    if not runs.cancel(run_id, visitor.name()):
        st.toast("Somebody else waits for this run too, so it goes on.")
        return
    end = time.monotonic() + STOPPED
    while not runs.status(run_id).finished and time.monotonic() < end:
        time.sleep(0.02)
    st.rerun()


def stage(now: runs.RunStatus) -> str:
    """Where the job is, as one line."""
    if now.state == "queued":
        return "**Waiting for the worker**" + (f", place {now.position} in the queue" if now.position else "")
    detail = escaped(now.part)
    step = f"Step {now.step} of {now.steps} · " if now.step else ""
    counted = f", {now.done} of {now.total}" if 1 < now.total <= COUNTED else ""
    counted = counted or (f", {100 * now.done // now.total}%" if now.total > COUNTED else "")
    return f"**{step}{now.stage or 'Starting'}**{', ' + detail if detail else ''}{counted}"


def steps(now: runs.RunStatus) -> str:
    """The steps that are done, and the one under way."""
    names = now.stages[: now.step]
    return " ".join(f"{'▸' if name == names[-1] else '✓'} {inside(name)}" for name in names)


def left(now: runs.RunStatus) -> str:
    """How long it will still take, where runs like it are known."""
    if now.stages and now.stage and now.stage not in now.stages:
        return "almost done"
    if now.expected is None:
        rest = now.elapsed * (1 - now.fraction) / now.fraction if now.fraction > TOLD else 0.0
        return f"about {seconds(rest)} left, going by the steps so far" if rest else first_guess(now.kind)
    if now.state == "queued":
        return f"about {seconds(now.expected)} once it starts"
    rest = now.expected - now.elapsed
    if rest < 0:
        return f"longer than expected ({seconds(now.expected)})"
    return f"about {seconds(rest)} left (expected {seconds(now.expected)})"


def first_guess(kind: str) -> str:
    """What is known before a run has done anything: how long the example of its page took."""
    took = runs.usual(kind)
    return "estimating the time" if took is None else f"the example of this page took {seconds(took)}"


def curve(now: runs.RunStatus) -> None:
    """What was measured so far: the two paths of a pair, or one of every method that has aligned."""
    if rows := now.partial.get("methods"):
        _methods(rows, now.partial.get("pair", ""))
    if plane := now.partial.get("plane"):
        _plane(plane)
    if not now.partial.get("t"):
        return
    t, naive, aligned = (now.partial[name] for name in ("t", "naive", "aligned"))
    band, finding = now.partial.get("band"), now.partial.get("finding")
    if finding:
        st.markdown(f"#### {escaped(finding)}")
    figure = progress_figure(t, naive, aligned, band=band, theme=viewport.theme())
    st.plotly_chart(figure, key="progress", config=plotly_config(phone=True), alt=progress_alt(naive, aligned))
    if band:
        st.markdown(markdown(progress_words(band)))
    so_far = "Until it is done, this is the curve measured so far."
    st.caption("The curve is complete; what is left is to compare the layers." if finding else so_far)


def _methods(rows: Sequence[Mapping[str, Any]], pair: str) -> None:
    paths = profiles_so_far(rows)
    figure = compare_figure({pair: paths}, theme=viewport.theme())
    st.markdown(markdown(rows_so_far(rows, pair)))
    st.plotly_chart(figure, key="progress", config=plotly_config(phone=True), alt=compare_alt([paths]))
    st.caption("Until it is done, these are the paths measured so far, at few values of t and on some test examples.")


def _plane(grid: Mapping[str, Any]) -> None:
    surface, lines = surface_so_far(grid)
    across = lines.get("across")
    figure = plane_figure(surface, lines["naive"], lines["aligned"], across=across, theme=viewport.theme())
    alt = plane_alt(surface, lines["naive"], lines["aligned"], across=across)
    st.plotly_chart(figure, key="progress", config=plotly_config(phone=True), alt=alt)
    st.caption(f"A first look on {count(grid['examples'])} test examples; the finer grid is being measured.")


def ended(now: runs.RunStatus) -> None:
    """The card of a run that failed, was cancelled or interrupted, or lost its result, with the way to run it again."""
    with st.container(border=True, key="job"):
        if now.state == "failed":
            named = not now.reason.partition(" ")[0].isalpha()  # it begins with a file or a tensor, as that is written
            st.markdown(f":material/error: **{escaped(now.reason if named else opening(now.reason))}**")
        else:
            where = f" during: {stage(now)}" if now.stage else ""
            st.markdown(f":material/stop_circle: Stopped after {seconds(now.elapsed)}{where}. Nothing else is lost.")
            if now.state == "interrupted":
                st.caption(escaped(now.reason))
        label = "Compute again" if now.gone else "Retry" if now.state == "interrupted" else "Run again"
        if st.button(label, icon=":material/refresh:", key="again") and submit(runs.request(now.id)):
            st.rerun()
        with st.expander("Details for a bug report"):
            report = (f"run {now.id}, {now.state}", now.reason, runs.request(now.id).json)
            st.code("\n".join(report), language=None, wrap_lines=True)
