"""What lies under a figure, drawn once the figure can be seen: until then the browser has enough to do."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages._frame.script import script

SEEN = "figure-seen"  # in the session: the library that draws figures has been loaded
PATIENCE = 6_000  # ms, for figures that never come

_notice = script(Path(__file__).with_suffix(".js"))


@st.fragment
def below(height: int, body: Callable[[], None]) -> None:
    """`body` once a figure can be seen, a skeleton so many pixels high until then.

    What `body` holds is kept for every visitor: give it the name of a run, not the run.
    """
    if seen():
        body()
    else:
        st.skeleton(height)


def seen() -> bool:
    """Whether a figure is on the screen; the fragment that asks runs again once it is.

    Without a browser there is nothing to wait for.
    """
    with st.container(key="figure-seen"):  # there even when empty: nothing moves when the answer comes
        if st.session_state.get(SEEN) or not st.context.headers.get("User-Agent"):
            return True
        state = _notice(key="seen", data={"patience": PATIENCE}, default={"seen": False}, on_seen_change=lambda: None)
    st.session_state[SEEN] = bool(state.seen)
    return bool(state.seen)
