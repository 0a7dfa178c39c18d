"""Two models and data, for pages that ask for them beside Explore: what was chosen there stays chosen."""

from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.runs.card import ModelCard
from pages._widgets import data_choice, method_form, model_picker
from pages._widgets.url import choice

DATA_HELP = "The examples on which loss and accuracy are measured, and that a method may look at."


def pair(default: runs.Request) -> tuple[ModelCard, ModelCard, str]:
    """A, B and the name of the data."""
    start = default.options
    st.markdown("**Models**")
    a, b = model_picker.pair(model_picker.models(), (start["a"], start["b"]))
    known = data_choice.titles()
    data = choice(st.selectbox, "Data", known, a.data if a.data in known else start["data"], "data", help=DATA_HELP)
    return a, b, data


def measure(default: runs.Request) -> dict[str, Any]:
    """How many examples are used, the seed and the device, as options of a request."""
    count = st.number_input(
        "Examples",
        100,
        1_000_000,
        default.options["train_examples"],
        500,
        key="examples",
        bind="query-params",
        help="At most so many training and as many test examples are measured.",
    )
    seed = st.number_input(
        "Seed", 0, 2**32 - 1, 0, key="seed", bind="query-params", help="The same seed gives the same result."
    )
    device = st.selectbox(
        "Device", method_form.DEVICES, key="device", bind="query-params", help="auto: a GPU if there is one."
    )
    return {"train_examples": count, "seed": seed, "device": device}
