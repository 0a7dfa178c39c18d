"""Controls whose state is the address of the page.

Streamlit binds a widget to the URL by its visible label. A choice whose label is for people and whose value is for
links goes through `choice`; everything else binds itself (`bind="query-params"`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

VERSION = "1"  # of the meaning of the defaults, which links leave out


def choice(
    widget: Callable[..., Any],
    label: str,
    options: Mapping[str, str],
    default: str,
    key: str,
    *,
    lasting: bool = False,
    named: Collection[str] = (),
    **how: Any,
) -> str:
    """One of `options` (value → label), kept in the URL by its value; the default is left out, unless it is `named`.

    named   values that are the default for some visitors only, such as their own files

    A new default (the data of another model) replaces what was chosen before; where the choice is `lasting`, only what
    nobody chose.
    """
    state, asked = st.session_state, st.query_params.get(key)
    before = state.get(f"{key}:default", default)
    if asked is not None and asked != state.get(f"{key}:url"):
        state[key] = asked
    elif before != default and not (lasting and state.get(key) != before):
        state[key] = default
    if state.get(key) not in options:
        state[key] = default
    value = str(widget(label, list(options), format_func=options.__getitem__, key=key, persist_state="session", **how))
    _remember(key, None if value == default and value not in named else value, asked)
    state[f"{key}:default"] = default
    return value


def choices(
    label: str, options: Mapping[str, str], default: Sequence[str], key: str, *, limit: int | None = None, **how: Any
) -> list[str]:
    """Some of `options` (value → label), kept in the URL by their values; the default is left out."""
    state, asked = st.session_state, st.query_params.get(key)
    if asked is not None and asked != state.get(f"{key}:url"):
        state[key] = asked.split(",")
    state[key] = [value for value in state.get(key, default) if value in options]
    shown: dict[str, Any] = {"format_func": options.__getitem__, "persist_state": "session", "max_selections": limit}
    chosen = list(st.multiselect(label, list(options), key=key, **shown, **how))
    _remember(key, None if chosen == list(default) else ",".join(chosen), asked)
    return chosen


def _remember(key: str, wanted: str | None, asked: str | None) -> None:
    """Put a value into the URL, or take it out."""
    if wanted is None and asked is not None:
        del st.query_params[key]
    elif wanted is not None and asked != wanted:
        st.query_params[key] = wanted
    st.session_state[f"{key}:url"] = wanted


def stamp() -> None:
    """The version of the defaults, in the URL of every page with controls."""
    if st.query_params.get("v") != VERSION:
        st.query_params["v"] = VERSION


def link(page: str = "", **query: str) -> str:
    """Absolute address of a page of this server."""
    here = urlsplit(st.context.url or "")
    folder = here.path.rstrip("/").removesuffix(str(st.session_state.get("page", ""))).rstrip("/")
    return urlunsplit((here.scheme, here.netloc, f"{folder}/{page}", urlencode(query), ""))
