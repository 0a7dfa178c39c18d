"""What the papers predict, measured on a pair of networks and over several widths."""

import streamlit as st

from lmc_core import runs
from pages._ask import method_form, pair_form
from pages._ask.fields import section
from pages._frame.url import buttons
from pages._show.analysis import Analysis

MEASURED = ("train_examples", "test_examples", "seed", "device")
PARTS = {"pair": "One pair", "width": "Three widths"}
PAIR = (
    "Why should two networks be joined by a line at all? The theory speaks of the distance between the weights of "
    "their layers as distributions, of the dimension of these distributions, and of the gap between the outputs on the "
    "path and the mixture of the outputs of its ends. All of these can be measured. Choose a pair and press *Measure*."
)
WIDTH = (
    "The theory says that wide networks are joined modulo permutation, and how wide depends on the dimension of their "
    "weights. The shipped digits networks with 32, 128 and 512 units per layer show how the barrier and the distance "
    "of the layers fall. Press *Measure*."
)


def pair(default: runs.Request) -> runs.Request:
    """The pair that the controls describe."""
    with st.container(key="pair"):
        a, b, data = pair_form.pair(default)
    method, settings = method_form.method(default.options["method"])
    measured = section("Evaluation", default, MEASURED)
    return runs.Request.of("theory", a=a.id, b=b.id, data=data, method=method, settings=settings, **measured)


def width(default: runs.Request) -> runs.Request:
    """The shipped family, aligned as the controls say."""
    st.container(key="pair")  # the place of the pair: what lies below keeps its own, and its hold on the URL
    method, settings = method_form.method(default.options["method"])
    measured = section("Evaluation", default, MEASURED)
    return runs.Request.of("width", method=method, settings=settings, **measured)


PAGES = {
    "pair": Analysis("theory", "Measure", "What does the theory say of these networks?", PAIR, pair),
    "width": Analysis("width", "Measure", "How wide is wide enough?", WIDTH, width),
}

with st.sidebar:
    part = buttons("What to measure", PARTS, "part")
PAGES[part].draw()
