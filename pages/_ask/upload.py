"""A checkpoint of the visitor's own: handed over, read by the worker, offered as A or B."""

from typing import Any

import streamlit as st

from lmc_core.errors import InputError
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from lmc_core.words.models import assumption
from lmc_core.words.numbers import count, listed, percent, power
from pages._ask import own_model
from pages._frame.text import escaped
from pages._frame.url import VERSION
from pages._jobs import gate, incoming, visitor

FILES = [suffix.removeprefix(".") for suffix in library.SUFFIXES]
PROMISE = "Read by a separate process, never run as code. Only you and people with your link can see it."


def popover() -> None:
    """The way in beside the pickers."""
    with st.popover("Add a checkpoint", icon=":material/upload_file:", width="stretch", key="add"):
        drop(many=True)


def drop(letter: str = "", *, many: bool = False) -> None:
    """A place for one file or many, and what became of them; of several places on a page each has its letter."""
    if not gate.passed(f"upload {letter}" if letter else "upload a checkpoint"):
        return
    slot, data, me = incoming.Slot(f"added{letter}", many=many), st.session_state.get("data"), visitor.name()
    incoming.uploader("A checkpoint file", FILES, slot, lambda file: library.add(file.name, file, data=data, owner=me))
    if not slot.noted:
        st.caption(PROMISE)
    read = {now.model: now.id for now in incoming.reading(slot) if now.model}  # one file under two names is one model
    cards = {card.id: card for card in map(_known, read) if card is not None}
    for model, card in cards.items():
        _read(card, read[model], slot, brief=len(cards) > 1)
    if len(cards) == 2:
        first, second = cards.values()
        both = escaped(f"Use {first.title} as A, {second.title} as B")
        how: dict[str, Any] = {"type": "primary", "width": "stretch", "on_click": _pair}
        st.button(both, key=f"{slot.name}-both", args=(first.id, second.id), **how)


def _known(model: str) -> ModelCard | None:
    """The card of a model; None if it was deleted since its file was read."""
    try:
        return library.card(model)
    except InputError:
        return None


def _read(card: ModelCard, run: str, slot: incoming.Slot, *, brief: bool) -> None:
    """What a file was taken for. What it does not say is folded away where several are listed."""
    st.markdown(f"**{escaped(card.title)}** · {count(card.parameters)} parameters")
    known = [f"{percent(card.accuracy['test'])} on {datasets.title(card.data)}"] if "test" in card.accuracy else []
    known += [f"symmetry verified to {power(card.error)}"] if card.error is not None else []
    if known:
        st.caption(" · ".join(known))
    own_model.notes(run)
    folded = brief and bool(card.assumptions)
    with st.expander(f"Assumed: {listed([a[0] for a in card.assumptions])}") if folded else st.container():
        for option, value, why in card.assumptions:
            st.caption(escaped(f"Assumed {option} = {assumption(option, value)}: {why}"))
    for letter, column in zip("ab", st.columns(2), strict=True):
        use = f"Use as {letter.upper()}"
        key = f"{slot.name}-{letter}-{card.id}"
        column.button(use, key=key, width="stretch", on_click=_use, args=(letter, card.id))


def _use(letter: str, model: str) -> None:
    st.session_state[letter] = model


def _pair(a: str, b: str) -> None:
    """Both at once, by the address: what A is decides otherwise which B is usual."""
    st.query_params.update({"a": a, "b": b, "v": VERSION})
