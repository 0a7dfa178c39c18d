"""Which data: the named sets, the visitor's own, and private ones that the link names."""

from collections.abc import Iterable
from math import prod

import streamlit as st

from lmc_core.data.registry import DATASETS
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.card import ModelCard
from pages._frame.url import choice
from pages._jobs import visitor

HELP = "The examples on which loss and accuracy are measured, and that a method may look at."


def chosen(model: ModelCard, otherwise: str) -> str:
    """The data for a run: as usual for its first model, where that is known here, else data that the model can read,
    or what was chosen instead."""
    known = titles()
    private = [name for name in known if name not in DATASETS]
    default = model.data if model.data in known else _readable(model, otherwise, known)
    return choice(st.selectbox, "Data", known, default, "data", named=private, help=HELP)


def _readable(model: ModelCard, otherwise: str, known: Iterable[str]) -> str:
    """`otherwise` if its examples have as many numbers as the model reads, else the first data here that have."""
    fit = (name for name in (otherwise, *known) if prod(_shape(name)) == prod(model.input_shape))
    return next(fit, otherwise)


def _shape(name: str) -> tuple[int, ...]:
    """Of one example."""
    if name in DATASETS:
        return DATASETS[name].shape
    found = datasets.card(name)
    return () if found is None else found.shape


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
