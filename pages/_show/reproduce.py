"""The same run again: from its link, in a shell, in Python; and the way back to the controls that ask for another."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.runs.summary.report import request_text
from pages._ask import links
from pages._frame.navigation import TITLES, lead
from pages._frame.text import escaped
from pages._frame.url import link
from pages._show.view import Shown, view

LANGUAGES = {"Command line": "bash", "Python": "python"}


def body(shown: Shown) -> None:
    """The tab."""
    left, right = st.columns([1, 1.15], gap="medium")
    result, request = shown.result, shown.result.request
    asked = runs.request(shown.run)
    with left:
        st.markdown("**Link to this result** · opens without recomputing")
        st.code(link("run", id=shown.run), language=None, wrap_lines=True)
        _listing(shown, "Command line")
        st.markdown("**Versions**")
        versions = [f"{name} {version}" for name, version in result.versions.items()]
        seed = [f"seed {request['seed']}"] if "seed" in request else []
        st.caption(escaped(" · ".join([*versions, result.device, *seed])))
        if "Python" in shown.listings:
            with st.expander("Request as JSON"):
                st.code(request_text(result), language="json", wrap_lines=True)
        back(asked.kind, asked.options)
    with right:
        _listing(shown, "Python")
        if "Python" not in shown.listings:
            st.markdown("**Request**")
            st.code(request_text(result), language="json", wrap_lines=True)


def _listing(shown: Shown, title: str) -> None:
    if title in shown.listings:
        st.markdown(f"**{title}**")
        st.code(shown.listings[title](), language=LANGUAGES[title], wrap_lines=True)


def back(kind: str, options: Mapping[str, Any]) -> None:
    """A link to the controls that ask for these options."""
    if page := view(kind).page:
        lead(page, f"Change something in {TITLES[page]}", links.query(kind, options), icon=":material/tune:")
