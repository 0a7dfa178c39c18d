"""A checkpoint of the visitor's own: handed over, read by the worker, offered as A or B."""

from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.library import models as library
from lmc_core.words.numbers import count, percent, power
from pages._frame.text import escaped
from pages._jobs import gate, incoming, jobs, visitor

FILES = [suffix.removeprefix(".") for suffix in library.SUFFIXES]
PROMISE = "Read by a separate process, never run as code. Only you and who has your link can see it."


def popover() -> None:
    """The way in beside the pickers."""
    with st.popover("Add a checkpoint", icon=":material/upload_file:", width="stretch", key="add"):
        drop("added")


def drop(slot: str) -> None:
    """A place for one file, and what became of it. `slot` names the place."""
    if not gate.passed(f"upload {slot}" if len(slot) == 1 else "upload a checkpoint"):
        return
    state = st.session_state
    turn = state.setdefault(f"{slot}:turn", 0)
    how: dict[str, Any] = {"label_visibility": "collapsed", "max_upload_size": incoming.largest()}
    file = st.file_uploader("A checkpoint file", FILES, key=f"{slot}-{turn}", **how)
    if file is not None:
        try:
            me = visitor.name()
            run_id = runs.submit(library.add(file.name, file.getvalue(), data=state.get("data"), owner=me), me)
            state[f"{slot}:run"], state[f"{slot}:refused"] = run_id, ""
            visitor.asks(run_id)
        except LMCError as error:
            state[f"{slot}:run"], state[f"{slot}:refused"] = None, str(error)
        state[f"{slot}:turn"] = turn + 1  # a new uploader, so that the session lets go of the bytes
        st.rerun()
    if state.get(f"{slot}:refused"):
        st.error(escaped(state[f"{slot}:refused"]), icon=":material/error:")
    now = jobs.status(state.get(f"{slot}:run") or "")
    if now is None:
        st.caption(PROMISE)
    elif not now.finished:
        _reading(now.id)
    elif now.state == "done" and now.model:
        _read(now.model, slot)
    else:
        st.error(escaped(now.reason) or f"Reading the file was {now.state}.", icon=":material/error:")


@st.fragment(run_every=jobs.POLL)
def _reading(run_id: str) -> None:
    now = jobs.status(run_id)
    if now is None or now.finished:
        st.rerun()
    st.progress(now.fraction, jobs.stage(now))
    if st.button("Cancel", icon=":material/close:", key=f"cancel-{run_id}"):
        runs.cancel(run_id, visitor.name())


def _read(model: str, slot: str) -> None:
    card = library.card(model)
    st.markdown(f"**{escaped(card.title)}** · {count(card.parameters)} parameters")
    known = [f"{percent(card.accuracy['test'])} on {card.data}"] if "test" in card.accuracy else []
    known += [f"symmetry verified to {power(card.error)}"] if card.error is not None else []
    if known:
        st.caption(" · ".join(known))
    for option, value, why in card.assumptions:
        st.caption(escaped(f"Assumed {option} = {value}: {why}"))
    for letter, column in zip("ab", st.columns(2), strict=True):
        use = f"Use as {letter.upper()}"
        column.button(use, key=f"{slot}-{letter}", width="stretch", on_click=_use, args=(letter, model))


def _use(letter: str, model: str) -> None:
    st.session_state[letter] = model
