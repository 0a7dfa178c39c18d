"""Two networks, one alignment, and the path between them."""

import streamlit as st

from lmc_core import runs
from lmc_core.methods.usual import CLASSES, recommended
from lmc_core.runs.kinds._options import DATA
from lmc_core.runs.library import models as library
from pages._ask import data_choice, method_form, model_picker, path_form, upload
from pages._ask.fields import section
from pages._frame.navigation import lead
from pages._frame.text import escaped
from pages._show import tour
from pages._show.analysis import Analysis

EVALUATION = ("points", "recalibrate", "train_examples", "test_examples", "precision", "seed", "device")


def ask(default: runs.Request) -> runs.Request:
    """The path that the controls describe."""
    start = default.options
    st.markdown("**Models**")
    models = model_picker.models()
    a, b = model_picker.pair(models, (start["a"], start["b"]))
    upload.popover()
    data = data_choice.chosen(a, start["data"])
    advice = recommended(a.attends)
    method, settings = method_form.method(CLASSES if a.attends else start["method"], advice=advice)
    bent = path_form.curve(models, a)
    measured = section("Evaluation", default, EVALUATION)
    return runs.Request.of("path", a=a.id, b=b.id, data=data, method=method, settings=settings, curve=bent, **measured)


def what(request: runs.Request) -> str:
    one, other = (escaped(library.card(request.options[letter]).name) for letter in "ab")
    return f"{one} and {other}: press *Align and compare*."


def remedy(request: runs.Request) -> None:
    """Two models that fit, where the chosen ones may not."""
    a, b = (library.card(request.options[letter]) for letter in "ab")
    fitting = model_picker.sibling(a, model_picker.models())
    if fitting.id not in (a.id, b.id):

        def use() -> None:
            st.session_state["b"], st.session_state["data"] = fitting.id, a.data or st.session_state["data"]

        name = model_picker.titles({card.id: card for card in (fitting,)})[fitting.id]
        st.button(f"Compare with {name} instead", type="primary", key="remedy", on_click=use)
    if a.parameters != b.parameters:  # a fusion does not need equal widths
        both = {"models": f"{a.id},{b.id}", "data": request.options["data"]}
        lead("fuse", "Fuse them instead", both, icon=":material/join:")


def own_pair() -> runs.Request | None:
    """The visitor's own first two networks, where none are shipped."""
    own = list(model_picker.models().values())[:2]
    if len(own) < 2:
        return None
    a, b = own
    return runs.bind(runs.Request.of("path", a=a.id, b=b.id, data=a.data or DATA.default))


PAGE = Analysis(
    "path", "Align and compare", "This pair has not been compared yet.", what, ask, remedy=remedy, example=False
)
PAGE.draw(own_pair())
with st.sidebar:
    tour.invite()
tour.draw()
