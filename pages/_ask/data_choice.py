"""Which data: the named sets, the visitor's own, and private ones that the link names."""

import streamlit as st

from lmc_core.data.registry import DATASETS
from lmc_core.runs.library import data as datasets
from pages._frame.url import choice
from pages._jobs import visitor

HELP = "The examples on which loss and accuracy are measured, and that a method may look at."


def chosen(usual: str, otherwise: str) -> str:
    """The data for a run: as usual for its first model, where that is known here, or what was chosen instead."""
    known = titles()
    private = [name for name in known if name not in DATASETS]
    default = usual if usual in known else otherwise
    return choice(st.selectbox, "Data", known, default, "data", named=private, help=HELP)


def titles() -> dict[str, str]:
    """Value of a link → what the list shows."""
    named = {name: entry.title for name, entry in DATASETS.items()}
    named |= {card.id: f"{card.title} · yours" for card in datasets.own(visitor.name())}
    asked = st.query_params.get("data")
    if asked and asked not in named and (found := datasets.card(asked)) is not None:
        named[asked] = f"{found.title} · {asked[4:10]}"
    return named


def measure() -> str:
    """The data on which uploaded networks are measured."""
    help_text = "The accuracy of what you upload is measured on these examples, where they fit."
    return choice(st.selectbox, "Measure accuracy on", titles(), "digits", "measure", help=help_text, width=320)
