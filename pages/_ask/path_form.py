"""Which path from A to aligned B is measured beside the straight lines."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.runs.kinds._curve import BENDS, CURVES, EPOCHS
from lmc_core.runs.values.card import ModelCard
from pages._ask import model_picker
from pages._ask.fields import field
from pages._frame.url import choice

HELP = (
    "A curve between A and aligned B whose bends are trained on the training examples to stay low in loss, or two "
    "straight lines by way of another model, such as a fused one. It is drawn as one more line."
)


def curve(models: Mapping[str, ModelCard], like: ModelCard) -> dict[str, Any] | None:
    """The options of a curved path; None for the straight lines alone.

    like   a model that leads through must be built like this one
    """
    with st.expander("Path"):
        kind = choice(st.selectbox, "Path", CURVES, "none", "curve", help=HELP)
        if kind == "none":
            return None
        if kind == "through":
            fitting = {name: card for name, card in models.items() if card.parameters == like.parameters}
            named = model_picker.titles(fitting)
            return {"kind": kind, "model": choice(st.selectbox, "Through", named, like.id, "through")}
        return {"kind": kind, **{each.name: field(each, each.name, each.default) for each in (BENDS, EPOCHS)}}
