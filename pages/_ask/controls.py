"""The column of controls: two models, data, method, evaluation, and the button."""

from dataclasses import dataclass

import streamlit as st

from lmc_core import runs
from lmc_core.runs.values.card import ModelCard
from pages._ask import data_choice, method_form, model_picker, path_form, upload
from pages._jobs import gate, jobs


@dataclass(frozen=True)
class Controls:
    """What the controls ask for.

    job       the run that this visitor waits for, if any
    pressed   the button was just pressed
    """

    request: runs.Request
    models: tuple[ModelCard, ModelCard]
    job: runs.RunStatus | None
    pressed: bool


def draw(default: runs.Request) -> Controls:
    """The form, in the order of the work. Its state is the URL; while a run is under way only the button is off."""
    start = default.options
    st.markdown("**Models**")
    models = model_picker.models()
    a, b = model_picker.pair(models, (start["a"], start["b"]))
    upload.popover()
    data = data_choice.chosen(a.data, start["data"])
    method, settings = method_form.method(start["method"])
    bent = path_form.curve(models, a)
    request = runs.Request.path(a.id, b.id, data, method, settings, **method_form.evaluation(), curve=bent)
    job = jobs.waiting(request.id)
    busy = job is not None
    go = {"type": "primary", "width": "stretch", "disabled": busy, "key": "go"}
    pressed = gate.passed("start a run") and st.button("Align and compare", **go)  # type: ignore[arg-type]
    expected = runs.expected(request)
    if busy:
        st.caption("A run is under way.")
    elif expected is not None:
        st.caption(f"About {jobs.seconds(expected)} on this machine.")
    return Controls(request, (a, b), job, pressed)
