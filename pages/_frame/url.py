"""Controls whose state is the address of the page.

Streamlit binds a widget to the URL by its visible label, and lets infinity through to whole numbers. A choice whose
label is for people and whose value is for links goes through `choice` or `choices`, a number through `number`;
everything else binds itself (`bind="query-params"`).
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages._frame import query
from pages._frame.text import escaped

VERSION = "3"  # of the meaning of the defaults, which links leave out
MEANT: Mapping[str, Mapping[str, str]] = {
    "1": {"gromov-wasserstein-barycenter.alpha": "1000.0"},
    "2": {"full-symmetry-matching.restarts": "1"},
}
"""Version → settings whose default was another then: in the links of that version they mean these."""
DRAWN = "url:drawn"  # in the session: key of the URL → what its controls showed when they were last drawn


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
    _settle(label, query.one(options), default, key, tuple(options.items()), lasting=lasting)
    found = widget(label, list(options), format_func=options.__getitem__, key=key, persist_state="session", **how)
    value = str(found) if found in options else default
    remember(key, None if value == default and value not in named else value)
    return value


def buttons(label: str, options: Mapping[str, str], key: str, default: str = "") -> str:
    """One of a few `options` (value → label) side by side, kept in the URL; the default is the first, unless said."""
    how: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}
    return choice(st.segmented_control, label, options, default or next(iter(options)), key, **how)


def choices(
    label: str, options: Mapping[str, str], default: Sequence[str], key: str, *, limit: int | None = None, **how: Any
) -> list[str]:
    """Some of `options` (value → label), kept in the URL by their values; the default is left out."""
    _settle(label, query.some(options, limit), list(default), key, tuple(options.items()))
    shown: dict[str, Any] = {"format_func": options.__getitem__, "persist_state": "session", "max_selections": limit}
    chosen = list(st.multiselect(label, list(options), key=key, **shown, **how))
    remember(key, None if chosen == list(default) else ",".join(chosen))
    return chosen


def number(
    label: str,
    low: query.Number | None,
    high: query.Number | None,
    default: query.Number,
    step: query.Number | None = None,
    *,
    key: str,
    **how: Any,
) -> query.Number:
    """A number within low..high, kept in the URL; the default is left out. What nobody chose follows the default."""
    _settle(label, query.number(type(default), low, high), default, key, (low, high), lasting=True)
    value = st.number_input(label, low, high, step=step, key=key, persist_state="session", **how)
    remember(key, None if value == default else str(value))
    return value


def _settle(label: str, read: query.Reader, default: Any, key: str, drawn: Hashable, *, lasting: bool = False) -> None:
    """Give a control what the link asks for, what was chosen before, or the default: always a value it can show.

    drawn   what makes it this control: where another of its key was drawn before, Streamlit has to be told the value
    """
    if _clicked(key):  # in a fragment, which `listen` does not begin
        known(key)
    state, asked = st.session_state, st.query_params.get(key)
    value, before = read(state.get(key)), state.get(f"{key}:default", default)
    visit, last = state.get("visit"), state.get(f"{key}:here", (None, None))
    if asked is not None and asked != state.get(f"{key}:url"):
        value = read(asked)
        if value is None or (isinstance(value, list) and ",".join(value) != asked):
            st.toast(f"**{escaped(label)}**: the link asks for something that cannot be had here. It is left out.")
    elif asked is None and state.get(f"{key}:url") is not None and last[0] == visit:
        value = default  # the browser went back to an address without it
    elif before != default and not (lasting and value != before):
        value = default
    value, here = default if value is None else value, (visit, drawn)
    if value != state.get(key) or here != last:
        state[key], state[f"{key}:here"] = value, here
    state[f"{key}:default"] = default


def remember(key: str, wanted: str | None, controls: Collection[str] = ()) -> None:
    """Put a value into the URL, with the version of the defaults that it leaves out; or take it out.

    controls   that it is the value of, where that is not the one of this key

    Both at once: every change of the URL is a step of the browser's history.
    """
    asked = st.query_params.get(key)
    if wanted is None and asked is not None:
        del st.query_params[key]
    elif wanted is not None and asked != wanted:
        st.query_params.update({key: wanted, "v": VERSION})
    state = st.session_state
    state[f"{key}:url"] = wanted
    state.setdefault(DRAWN, {})[key] = {name: state[name] for name in controls or (key,) if name in state}


def known(key: str) -> None:
    """What the address says of this key is no news."""
    st.session_state[f"{key}:url"] = st.query_params.get(key)


def listen() -> None:
    """As a run of a page begins: after a click, the address is known, whatever it says.

    A click on a page that is still being drawn comes with the address as it was before the page wrote into it, which
    would take back what was chosen since. Who goes back to such an address changes no control.
    """
    keys = st.session_state.setdefault(DRAWN, {})
    changed = [key for key in keys if _clicked(key)]
    if changed:
        for key in keys:
            known(key)
    for key in changed:  # it counts once
        del keys[key]


def _clicked(key: str) -> bool:
    """Whether a control of this key shows what it did not when it was drawn."""
    state = st.session_state
    drawn = state.get(DRAWN, {}).get(key, {})
    return any(name in state and state[name] != shown for name, shown in drawn.items())


def renew() -> None:
    """Write out, in a link of an earlier version, the settings of its method whose default has changed since."""
    asked = st.query_params
    meant = {key: value for old, all in MEANT.items() if asked.get("v", VERSION) <= old for key, value in all.items()}
    left = {key: value for key, value in meant.items() if key not in asked and key.split(".")[0] in asked.values()}
    if left:
        st.query_params.update({**left, "v": VERSION})


def link(page: str = "", **query: str) -> str:
    """Absolute address of a page of this server."""
    here = urlsplit(st.context.url or "")
    folder = here.path.rstrip("/").removesuffix(str(st.session_state.get("page", ""))).rstrip("/")
    return urlunsplit((here.scheme, here.netloc, f"{folder}/{page}", urlencode(query), ""))
