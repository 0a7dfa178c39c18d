"""Networks and data: the visitor's own, and everything that can be explored."""

import streamlit as st

from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import hub
from lmc_core.runs.library import models as library
from lmc_core.runs.settings import settings
from lmc_core.runs.values.card import ModelCard
from lmc_core.words.numbers import percent
from pages._ask import data_choice, own_data, own_model
from pages._frame.url import link
from pages._jobs import gate, incoming, visitor

SLOT = incoming.Slot("model-files")
KINDS = [suffix.removeprefix(".") for suffix in library.SUFFIXES]


def bring(data: str) -> None:
    """The ways in: files of the visitor, of the host, of the Hub."""
    me = visitor.name()
    incoming.uploader("Checkpoint files", KINDS, SLOT, lambda f: library.add(f.name, f, data=data, owner=me))
    folder = settings().local_paths
    with st.expander("From the Hugging Face Hub" + (", or from this machine" if folder else "")):
        with st.form("hub", clear_on_submit=True, border=False):
            text = st.text_input("A safetensors file", placeholder="owner/repo@revision:model.safetensors", key="hub")
            if st.form_submit_button("Fetch", icon=":material/cloud_download:") and text:
                incoming.hand_over(SLOT, text, lambda: hub.add(text, data=data, owner=me))
        if folder is not None:
            local = st.selectbox("A file of this machine", library.local_files(), index=None, key="local")
            if st.button("Read", icon=":material/folder_open:", disabled=local is None) and local:
                incoming.hand_over(SLOT, local, lambda: library.add_local(local, data=data, owner=me))


def table(cards: list[ModelCard]) -> None:
    """Every network this visitor may see, with a link that explores it."""
    st.dataframe(
        {
            "network": [card.name for card in cards],
            "family": [card.kind for card in cards],
            "data": [datasets.title(card.data) if card.data else "" for card in cards],
            "accuracy": [percent(card.accuracy["test"]) if "test" in card.accuracy else "" for card in cards],
            "parameters": [card.parameters for card in cards],
            "from": ["shipped" if not card.uploaded else "uploaded" for card in cards],
            "explore": [link("", a=card.id) for card in cards],
        },
        hide_index=True,
        column_config={
            "parameters": st.column_config.NumberColumn(format="localized"),
            "accuracy": st.column_config.Column(help="On test examples"),
            "explore": st.column_config.LinkColumn("", display_text="explore"),
        },
        alt="All networks of the library",
    )


st.markdown("## Networks and data")
st.caption("Bring your own, see how they were recognised, and explore them. Private until you publish them.")
gate.account()
networks, examples, everything = st.tabs(
    ["Your networks", "Your data", "All networks"], key="part", bind="query-params"
)
with networks:
    st.caption("Drop one or many files. Each is read by a separate process, never run as code.")
    if gate.passed("upload networks"):
        data = data_choice.measure()
        bring(data)
        for now in incoming.reading(SLOT):
            own_model.notes(now.id)
        mine = library.own(visitor.name())
        for card in (c for c in library.models(visitor.name()) if c.id in mine):
            own_model.draw(card, SLOT, data)
        if not mine:
            st.caption("Nothing yet.")
with examples:
    own_data.draw()
with everything:
    table(library.models(visitor.name()))
