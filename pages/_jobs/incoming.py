"""Files on their way into the library: handed over, read by the worker, and what became of each."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import InputError, LMCError
from lmc_core.runs.library.limits import upload_limit
from lmc_core.runs.values.request import Request
from lmc_core.runs.values.status import RunStatus
from pages._frame.text import escaped
from pages._jobs import gate, jobs, visitor


def uploader(label: str, kinds: Sequence[str], slot: str, take: Callable[[Any], Request], *, many: bool = True) -> None:
    """A place for files; `take` keeps one and says what is to be run on it. The session keeps no bytes."""
    state = st.session_state
    turn = state.setdefault(f"{slot}:turn", 0)
    how: dict[str, Any] = {"label_visibility": "collapsed", "max_upload_size": largest()}
    given = st.file_uploader(label, list(kinds), many, key=f"{slot}-{turn}", **how)
    files = given if isinstance(given, list) else [given] if given is not None else []
    if not files:
        return
    for file in files:
        hand_over(slot, file.name, lambda file=file: take(file))  # type: ignore[misc]
    state[f"{slot}:turn"] = turn + 1  # a new uploader, so that the session lets go of the bytes
    st.rerun()


def largest() -> int:
    """Megabytes that a file may have: as many as the host takes, and as Streamlit does."""
    return max(1, min(upload_limit() // 2**20, st.get_option("server.maxUploadSize")))


def hand_over(slot: str, name: str, take: Callable[[], Request]) -> None:
    """Hand one file over, and note its run or why it was refused."""
    noted: dict[str, str] = st.session_state.setdefault(f"{slot}:noted", {})
    try:
        if not gate.allowed():
            raise InputError("Log in first: this server reads files only for people it knows")
        run = runs.submit(take(), visitor.name())
    except LMCError as error:
        noted[f"refused {name}"] = str(error)
    else:
        visitor.asks(run)
        noted.pop(f"refused {name}", None)
        noted[run] = ""


def reading(slot: str) -> list[RunStatus]:
    """Every file of the slot as the worker has it, under the card that shows it; the finished ones are returned."""
    noted: dict[str, str] = st.session_state.get(f"{slot}:noted", {})
    for key, why in noted.items():
        if key.startswith("refused "):
            st.error(escaped(why), icon=":material/error:")
    found = [now for key in noted if (now := jobs.status(key)) is not None]
    if any(not now.finished for now in found):
        _watch(slot)
    for now in found:
        if now.finished and now.state != "done":
            why = escaped(now.reason) or f"Reading the file was {now.state}."
            named = "" if why.startswith(escaped(now.title)) else f"**{escaped(now.title)}** · "
            st.error(f"{named}{why}", icon=":material/error:")
    if noted and st.button("Clear", key=f"{slot}-clear", type="tertiary", icon=":material/clear_all:"):
        st.session_state[f"{slot}:noted"] = {key: "" for key in noted if (n := jobs.status(key)) and not n.finished}
        st.rerun()
    return [now for now in found if now.state == "done"]


@st.fragment(run_every=jobs.POLL)
def _watch(slot: str) -> None:
    """One line per file that is not read yet. When one is done, the page is drawn anew."""
    waiting = [now for key in st.session_state[f"{slot}:noted"] if (now := jobs.status(key)) is not None]
    open_now = [now for now in waiting if not now.finished]
    before = st.session_state.get(f"{slot}:open", len(open_now))
    st.session_state[f"{slot}:open"] = len(open_now)
    for now in open_now:
        text, button = st.columns([6, 1], vertical_alignment="center")
        text.progress(now.fraction, f"{escaped(now.title)}: {jobs.stage(now)}")
        if button.button("Cancel", key=f"{slot}-cancel-{now.id}", width="stretch"):
            runs.cancel(now.id, visitor.name())
    if not open_now or len(open_now) < before:
        st.session_state.pop(f"{slot}:open", None)
        st.rerun()
