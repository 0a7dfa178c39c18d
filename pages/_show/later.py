"""What lies under a figure, drawn once the figure can be seen: until then the browser has enough to do."""

from collections.abc import Callable

import streamlit as st

SEEN = "figure-seen"  # in the session: the library that draws figures has been loaded
PATIENCE = 6_000  # ms, for figures that never come
TELL = """
export default function({ data, setStateValue }) {
    const end = performance.now() + data.patience;
    let timer = 0;
    const look = () => {
        if (document.querySelector(data.figure + " .main-svg") || performance.now() > end)
            window.requestAnimationFrame(() => { timer = window.setTimeout(() => setStateValue("seen", true), 0); });
        else timer = window.setTimeout(look, 60);
    };
    look();
    return () => window.clearTimeout(timer);
}
"""

_tell = st.components.v2.component("figure-seen", js=TELL)


@st.fragment
def below(figure: str, height: int, body: Callable[[], None]) -> None:
    """`body` once the figure with that key can be seen, a skeleton so many pixels high until then.

    What `body` holds is kept for every visitor: give it the name of a run, not the run.
    """
    if seen(figure):
        body()
    else:
        st.skeleton(height)


def seen(figure: str) -> bool:
    """Whether the figure with that key is on the screen; the fragment that asks runs again once it is.

    Without a browser there is nothing to wait for.
    """
    with st.container(key="figure-seen"):  # there even when empty: nothing moves when the answer comes
        if st.session_state.get(SEEN) or not st.context.headers.get("User-Agent"):
            return True
        told = _tell(
            key="seen",
            data={"figure": f".st-key-{figure}", "patience": PATIENCE},
            default={"seen": False},
            on_seen_change=lambda: None,
        )
    st.session_state[SEEN] = bool(told.seen)
    return bool(told.seen)
