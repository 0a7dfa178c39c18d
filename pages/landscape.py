"""The plane through two networks and a third: the second one aligned, or another model."""

from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.runs.kinds.plane import MOST
from lmc_core.runs.values.card import ModelCard
from pages._ask import method_form, model_picker, pair_form
from pages._ask.fields import section
from pages._frame.url import choice, choices
from pages._show.analysis import Analysis

WHAT = (
    "Three networks span a plane of weights: **A**, **B**, and B with its units re-ordered, or a third model. The maps "
    "show the loss and the accuracy of every network in it, with straight paths between them. "
    "Choose a pair and press *Measure the plane*."
)
ALIGNED = "aligned"
WALK = (
    "Checkpoints of one training run, in the order of training: a line joins them at the closest points of the plane. "
    "Upload them in the Library; first, middle and last as A, third network and B span a plane that the run lies near."
)
HELP = "What spans the plane beside A and B. Another model is taken as it was trained."


def ask(default: runs.Request) -> runs.Request:
    """The plane that the controls describe."""
    a, b, data = pair_form.pair(default)
    third = choice(st.selectbox, "Third network", _thirds(a, b), ALIGNED, "third", help=HELP)
    spanned: dict[str, Any] = {"third": third}
    with st.container(key="span"):  # one place, filled or not: what lies below keeps its own, and its hold on the URL
        if third == ALIGNED:
            method, settings = method_form.method(default.options["method"])
            spanned = {"method": method, "settings": settings}
    walked = choices("Training run", _alike(a), (), "training", limit=MOST, help=WALK, placeholder="None")
    measured = section("Grid", default, ("grid", "train_examples", "test_examples", "seed", "device"))
    return runs.Request.of("plane", a=a.id, b=b.id, data=data, training=walked or None, **spanned, **measured)


def _alike(a: ModelCard) -> dict[str, str]:
    """Every model of as many parameters."""
    cards = {name: card for name, card in model_picker.models().items() if card.parameters == a.parameters}
    return model_picker.titles(cards, model_picker.CHIP)


def _thirds(a: ModelCard, b: ModelCard) -> dict[str, str]:
    """B aligned, and every other model of as many parameters."""
    cards = {name: card for name, card in model_picker.models().items() if card.parameters == a.parameters}
    titles = model_picker.titles(cards)
    return {ALIGNED: "B aligned to A"} | {name: titles[name] for name in cards if name not in (a.id, b.id)}


Analysis("plane", "Measure the plane", "What lies between these networks?", WHAT, ask).draw()
