"""A checkpoint of the visitor's own: handed over, read by the worker, offered as A or B."""

import streamlit as st

from lmc_core.runs.library import models as library
from lmc_core.words.numbers import count, percent, power
from pages._frame.text import escaped
from pages._jobs import gate, incoming, visitor

FILES = [suffix.removeprefix(".") for suffix in library.SUFFIXES]
PROMISE = "Read by a separate process, never run as code. Only you and people with your link can see it."


def popover() -> None:
    """The way in beside the pickers."""
    with st.popover("Add a checkpoint", icon=":material/upload_file:", width="stretch", key="add"):
        drop()


def drop(letter: str = "") -> None:
    """A place for one file, and what became of it; of several places on a page each has its letter."""
    if not gate.passed(f"upload {letter}" if letter else "upload a checkpoint"):
        return
    slot, data, me = incoming.Slot(f"added{letter}", many=False), st.session_state.get("data"), visitor.name()
    incoming.uploader("A checkpoint file", FILES, slot, lambda file: library.add(file.name, file, data=data, owner=me))
    if not slot.noted:
        st.caption(PROMISE)
    for now in incoming.reading(slot):
        if now.model:
            _read(now.model, slot)


def _read(model: str, slot: incoming.Slot) -> None:
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
        column.button(use, key=f"{slot.name}-{letter}", width="stretch", on_click=_use, args=(letter, model))


def _use(letter: str, model: str) -> None:
    st.session_state[letter] = model
