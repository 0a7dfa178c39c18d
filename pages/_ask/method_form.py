"""The form of a method, made from what the method declares, and the settings of the evaluation."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.methods import METHODS
from lmc_core.methods._method import Method
from lmc_core.options import Option
from pages._frame.url import choice, number

RECALIBRATIONS = {"auto": "If BatchNorm needs it", "none": "No", "bn-reset": "BatchNorm reset", "repair": "REPAIR"}
DEVICES = ("auto", "cpu", "cuda")
STEP_INT, STEP_FLOAT = 1, 0.01
WORD = 200  # characters of a setting that is text


def method(default: str, known: Mapping[str, Method] = METHODS, key: str = "method") -> tuple[str, dict[str, Any]]:
    """The chosen one of the known methods and its settings; `key` is its name in the URL."""
    st.markdown("**Method**")
    titles = {name: declared.title for name, declared in known.items()}
    name = choice(st.selectbox, "Method", titles, default, key, label_visibility="collapsed")
    chosen = known[name]
    st.caption(f"{chosen.summary} [{chosen.paper.key}]({chosen.paper.url})")
    with st.expander("Settings"):
        settings = {parameter.name: field(chosen, parameter) for parameter in chosen.parameters}
        for note in chosen.notes or (() if chosen.parameters else ("Nothing to set.",)):
            st.caption(note)
    return name, settings


def field(method: Method, parameter: Option) -> Any:
    """One setting as the control its type asks for, kept in the URL as `method.name`."""
    label = parameter.title
    how: dict[str, Any] = {"key": f"{method.name}.{parameter.name}", "help": parameter.help}
    if parameter.kind is bool:
        return st.toggle(label, parameter.default, bind="query-params", **how)
    if parameter.choices:
        return st.selectbox(
            label, parameter.choices, parameter.choices.index(parameter.default), bind="query-params", **how
        )
    if parameter.kind is str:
        return st.text_input(label, parameter.default, max_chars=WORD, bind="query-params", **how)
    low, high = (None if bound is None else parameter.kind(bound) for bound in (parameter.low, parameter.high))
    step = STEP_INT if parameter.kind is int else STEP_FLOAT
    return number(label, low, high, parameter.default, step, **how)


def evaluation() -> dict[str, Any]:
    """How the path is measured, as options of a request."""
    with st.expander("Evaluation"):
        points = number("Points", 3, 201, 25, 2, key="points", help="How many values of t are measured.")
        recalibrate = choice(
            st.selectbox,
            "Recalibrate",
            RECALIBRATIONS,
            "auto",
            "recalibrate",
            help="Recompute the statistics of the averaged network on training data: of its BatchNorm layers only, "
            "or of every layer (REPAIR).",
        )
        examples = number(
            "Training examples",
            100,
            1_000_000,
            10_000,
            1_000,
            key="train_examples",
            help="How many training examples the losses and the method see.",
        )
        seed = number("Seed", 0, 2**32 - 1, 0, key="seed", help="The same seed gives the same result.")
        device = st.selectbox("Device", DEVICES, key="device", bind="query-params", help="auto: a GPU if there is one.")
    return {
        "points": points,
        "recalibrate": None if recalibrate == "none" else recalibrate,
        "train_examples": examples,
        "seed": seed,
        "device": device,
    }
