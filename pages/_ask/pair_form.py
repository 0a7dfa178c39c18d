"""Models and data, for pages that ask for them beside Explore: what was chosen there stays chosen."""

import streamlit as st

from lmc_core import runs
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from pages._ask import data_choice, model_picker
from pages._frame.url import choices


def pair(default: runs.Request) -> tuple[ModelCard, ModelCard, str]:
    """A, B and the name of the data."""
    st.markdown("**Models**")
    a, b = model_picker.pair(model_picker.models(), (default.options["a"], default.options["b"]))
    return a, b, data_choice.chosen(a.data, default.options["data"])


def several(default: runs.Request) -> tuple[list[ModelCard], str]:
    """Any number of models, and the name of the data; a pair that was chosen on another page stays chosen."""
    cards, state = model_picker.models(), st.session_state
    st.markdown("**Models**")
    if "networks" not in state and state.get("a") in cards and state["a"] != state.get("a:default"):
        state["networks"] = [state["a"], state.get("b", "")]
    named = model_picker.titles(cards, model_picker.CHIP)
    ids = choices("Models", named, default.options["models"], "networks", label_visibility="collapsed")
    first = cards[ids[0]] if ids else library.card(default.options["models"][0])
    return [cards[name] for name in ids], data_choice.chosen(first.data, default.options["data"])
