"""One network of the visitor's own: what it is taken for, how far that was verified, and what can be done with it."""

import json
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.kinds.inspect import InspectResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from lmc_core.words.numbers import count, groups, percent, power
from pages._frame.navigation import lead
from pages._frame.text import escaped
from pages._jobs import deleting, incoming, visitor

VERIFIED = 1e-4  # a larger relative output change is no verification
LOSS = "Its file is deleted here. What was computed with it stays, and cannot be computed again without it."
LOST = ("entry",)  # of files that held several networks, only the chosen one is kept


def draw(card: ModelCard, slot: incoming.Slot, data: str) -> None:
    """The card. A new reading is noted in `slot`, and measured on `data`."""
    with st.container(border=True, key=f"model-{card.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escaped(card.title)}** · {escaped(card.kind)}", width="content")
            badge(card)
            st.badge("public" if card.listed else "private", color="blue" if card.listed else "gray")
        st.caption(facts(card))
        with st.container(horizontal=True, vertical_alignment="center"):
            query = {"a": card.id} | ({"data": card.data} if card.data else {})
            lead("explore", "Explore with it", query)
            label = "Make private" if card.listed else "Publish"
            icon = ":material/lock:" if card.listed else ":material/public:"
            st.button(label, key=f"publish-{card.id}", icon=icon, on_click=_publish, args=(card.id, not card.listed))
            deleting.button(card.id, LOSS, _delete)
        with st.expander(f"Assumptions ({len(card.assumptions)}): check or change"):
            assumptions(card, slot, data)


def badge(card: ModelCard) -> None:
    """Whether re-ordering its units left its function alone, and how exactly."""
    if card.error is None:
        st.badge("not verified", icon=":material/help:", color="gray")
    elif card.error <= VERIFIED:
        st.badge(f"verified to {power(card.error)}", icon=":material/verified:", color="green")
    else:
        st.badge(f"output changes by {power(card.error)}", icon=":material/warning:", color="orange")


def facts(card: ModelCard) -> str:
    """Size, groups and accuracy in one line."""
    shape = " × ".join(map(str, card.input_shape))
    said = [f"{count(card.parameters)} parameters", f"reads {shape} numbers"]
    said.append(groups(len(card.groups)))
    if "test" in card.accuracy:
        said.append(f"{percent(card.accuracy['test'])} on {escaped(datasets.title(card.data))}")
    else:
        said.append("accuracy not measured")
    return " · ".join(said)


def assumptions(card: ModelCard, slot: incoming.Slot, data: str) -> None:
    """What the file did not say, as fields; what is changed there is used when the file is read again."""
    with st.form(f"assume-{card.id}", border=False):
        given: dict[str, Any] = {}
        for option, value, why in card.assumptions:
            key, shown = f"assume-{card.id}-{option}", written(value)
            if option in LOST:
                st.caption(escaped(f"{option} = {value}: {why}"))
                continue
            label = f"{option.replace('_', ' ').capitalize()} :gray[· {escaped(why)}]"
            said = st.text_input(label, shown, key=key, placeholder="none")
            if read(said) != read(shown):
                given[option] = read(said)
        if not card.assumptions:
            st.caption("The file says everything itself.")
        pressed = st.form_submit_button(f"Read again, measure on {datasets.title(data)}", icon=":material/refresh:")
    if pressed:
        normalize = given.pop("normalize", None)

        def take() -> Request:
            return library.again(card.id, visitor.name(), data=data, arch=given, normalize=normalize)

        incoming.hand_over(slot, card.title, take)
        st.rerun()


def written(value: Any) -> str:
    """A value as it stands in a field: words as they are, nothing as nothing, everything else as JSON."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def read(text: str) -> Any:
    """A value as JSON where it is JSON, else the words themselves."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def notes(run: str) -> None:
    """What was left out when the file was read."""
    try:
        found = runs.result(run)
    except LMCError:
        return
    for note in found.notes if isinstance(found, InspectResult) else ():
        st.caption(f":material/info: {escaped(note)}")


def _publish(model: str, listed: bool) -> None:
    library.publish(model, visitor.name(), listed)


def _delete(model: str) -> None:
    library.remove(model, visitor.name())
