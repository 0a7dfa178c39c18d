"""The form of a method, made from what the method declares."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.alignment.method import Method
from lmc_core.methods import METHODS
from lmc_core.words.numbers import inside
from pages._ask.fields import field
from pages._frame.url import choice, link


def method(
    default: str, known: Mapping[str, Method] = METHODS, key: str = "method", advice: tuple[str, str] | None = None
) -> tuple[str, dict[str, Any]]:
    """The chosen one of the known methods and its settings; `key` is its name in the URL.

    advice   the method that is recommended for these networks, and why
    """
    st.markdown("**Method**")
    titles = {name: declared.title for name, declared in known.items()}
    name = choice(st.selectbox, "Method", titles, default, key, lasting=True, label_visibility="collapsed")
    chosen = known[name]
    more = link("guide", part="methods", of=name)
    st.caption(f"{chosen.summary} [{chosen.paper.key}]({chosen.paper.url}) · [Learn more]({more})")
    if advice is not None:
        recommended, why = advice
        which = "" if recommended == name else f" is {inside(known[recommended].title)}"
        st.caption(f"**Recommended for these networks**{which}: {why}.")
    with st.expander("Settings"):
        settings = {each.name: field(each, f"{name}.{each.name}", each.default) for each in chosen.parameters}
        for note in chosen.notes or (() if chosen.parameters else ("Nothing to set.",)):
            st.caption(note)
    return name, settings
