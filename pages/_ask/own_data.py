"""The visitor's own examples: upload, what they hold, and the id that others may be given."""

import streamlit as st

from lmc_core.data.registry import READERS
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.card import DataCard
from lmc_core.words.numbers import count
from pages._frame.navigation import lead
from pages._frame.text import escaped
from pages._jobs import deleting, gate, incoming, visitor

SLOT = incoming.Slot("data-files")
LOSS = "The examples are deleted here. What was computed on them stays, and cannot be computed again without them."
HOW = (
    "One .npz file with x_train, y_train, x_test, y_test (and names in classes, if you like): "
    "`numpy.savez(path, x_train=…, …)`. Nothing in it is unpickled. Or a text in UTF-8, .txt, whose last tenth is for "
    "testing: its characters are what a language model tells next."
)


def draw() -> None:
    st.caption(HOW)
    if gate.passed("upload data"):
        kinds = [suffix.removeprefix(".") for suffix in READERS]
        incoming.uploader("An .npz or .txt file", kinds, SLOT, lambda f: datasets.add(f.name, f, owner=visitor.name()))
    incoming.reading(SLOT)
    for card in datasets.own(visitor.name()):
        _card(card)


def _card(card: DataCard) -> None:
    with st.container(border=True, key=f"data-{card.id}"):
        st.markdown(f"**{escaped(card.title)}**")
        shape = " × ".join(map(str, card.shape))
        numbers = f"{count(card.train)} to train, {count(card.test)} to test, {len(card.classes)} classes"
        st.caption(f"{numbers}, {shape} · id `{card.id}`: whoever knows it may use the data")
        with st.container(horizontal=True, vertical_alignment="center"):
            lead("explore", "Explore on it", {"data": card.id})
            deleting.button(card.id, LOSS, _delete)


def _delete(name: str) -> None:
    datasets.remove(name, visitor.name())
