"""Layers that a run on large networks does not hold: compared by a run of their own, when somebody looks at them."""

from collections.abc import Callable

import streamlit as st

from lmc_core import runs
from lmc_core.runs.library import layers as library
from pages._jobs import job, offers
from pages._show.view import Shown

ELSEWHERE = (
    "The layers of these networks were not compared where this run comes from, and the networks are not here: ask for "
    "this path there, open its tab Layers, and export it again."
)


def tab(body: Callable[[Shown], None]) -> Callable[[Shown], None]:
    """A tab about layers; where they are not compared yet, a way to have it done."""

    def drawn(shown: Shown) -> None:
        if shown.result.later:
            _offer(shown.run)
        else:
            body(shown)

    return drawn


def _offer(run_id: str) -> None:
    request = library.request(run_id)
    if request is None:
        st.caption(ELSEWHERE)
        return
    expected = runs.expected(request)
    label = "Compare" if expected is None else f"Compare, about {job.seconds(expected)}"
    words = "{} of these networks have not been compared yet: they are large, so this takes longer than the path."
    offers.missing({"The layers": request}, "layers", words, label)
