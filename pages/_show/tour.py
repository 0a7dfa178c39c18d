"""The guided tour of Explore: a card in the corner speaks of one part of the page after the other, which is marked."""

from pathlib import Path

import streamlit as st

from lmc_core.words.tour import TOUR
from pages._frame import query
from pages._frame.script import script
from pages._frame.text import markdown

KEY = "tour"
PARTS = {
    "finding": '[data-testid="stMain"] h2',
    "numbers": ".st-key-cards",
    "figure": ".st-key-figure",
    "unit": ".st-key-unit-row",
    "tabs": '[data-testid="stMain"] [role="tablist"]',
    "controls": '[data-testid="stSidebar"]',
}
"""Part of the page → where it is."""

_bring = script(Path(__file__).with_suffix(".js"))


def invite() -> None:
    """The way in, for who is new."""
    if KEY not in st.query_params:
        st.button("Show me around", key="tour-start", type="tertiary", icon=":material/tour:", on_click=_go, args=(1,))


def draw() -> None:
    """The card of the stop that the address names, if it names one."""
    stop = query.number(int, 1, len(TOUR))(st.query_params.get(KEY))
    if stop is None:
        return
    name, said = list(TOUR.items())[stop - 1]
    st.html(
        f"<style>{PARTS[name]}{{outline:2px solid var(--a)!important;outline-offset:4px;border-radius:4px}}</style>"
    )
    with st.container(key="tour-show"):
        _bring(key=f"tour-{name}", data={"part": PARTS[name]})
    with st.container(key=KEY, border=True):
        st.markdown(f"**{said.title}** · {stop} of {len(TOUR)}")
        st.markdown(markdown(said.words))
        with st.container(horizontal=True):
            if stop > 1:
                st.button("Back", key="tour-back", on_click=_go, args=(stop - 1,))
            if stop < len(TOUR):
                st.button("Next", key="tour-next", type="primary", on_click=_go, args=(stop + 1,))
            st.button("Leave the tour", key="tour-leave", type="tertiary", on_click=_go, args=(None,))


def _go(stop: int | None) -> None:
    if stop is not None:
        st.query_params[KEY] = str(stop)
    else:
        st.query_params.pop(KEY, None)
