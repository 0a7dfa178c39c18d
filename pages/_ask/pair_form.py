"""Models and data, for pages that ask for them beside Explore: what was chosen there stays chosen."""

import streamlit as st

from lmc_core import runs
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from pages._ask import active, data_choice, model_picker
from pages._frame.url import choices


def pair(default: runs.Request) -> tuple[ModelCard, ModelCard, str]:
    """A, B and the name of the data."""
    st.markdown("**Models**")
    a, b = model_picker.pair(model_picker.models(), (default.options["a"], default.options["b"]))
    return a, b, data_choice.chosen(a, default.options["data"])


def several(default: runs.Request) -> tuple[list[ModelCard], str]:
    """Any number of models, and the name of the data; a pair that was chosen on another page stays chosen."""
    cards, usual = model_picker.models(), default.options["models"]
    st.markdown("**Models**")
    active.take(cards, ("networks",), st.session_state.get("networks", usual), pair=False)
    named = model_picker.titles(cards, model_picker.CHIP)
    ids = choices("Models", named, usual, "networks", label_visibility="collapsed")
    active.keep(ids, usual, pair=False)
    first = cards[ids[0]] if ids else library.card(usual[0])
    return [cards[name] for name in ids], data_choice.chosen(first, default.options["data"])
