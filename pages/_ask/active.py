"""The networks that a visitor looks at: what is chosen on one page is what every other page opens on."""

from collections.abc import Collection, Sequence

import streamlit as st

CHOSEN, HERE = "networks-chosen", "networks-here"  # in the session: the networks, and the visit that has taken them
PAIR = 2


def take(known: Collection[str], keys: Sequence[str], shown: Sequence[str], *, pair: bool) -> None:
    """Put what was chosen on another page into the controls of this one, once, where the link names nothing else.

    keys    of the controls: one for each network of a `pair`, or one for all of them
    shown   the networks that the controls hold now; they stay where they begin with the chosen pair
    """
    state, visit = st.session_state, st.session_state.get("visit")
    arrived, state[HERE] = state.get(HERE) != visit, visit
    chosen = [name for name in state.get(CHOSEN, ()) if name in known]
    asked = any(key in st.query_params for key in keys)
    if not arrived or asked or len(chosen) < PAIR or chosen[:PAIR] == list(shown[:PAIR]):
        return
    for key, value in zip(keys, chosen if pair else [chosen], strict=False):
        state[key] = value
        state.pop(f"{key}:default", None)  # a default of long ago is not what these have to follow


def keep(chosen: Sequence[str], usual: Sequence[str], *, pair: bool) -> None:
    """Remember what a page shows as chosen, where somebody chose it; a pair that begins a longer list leaves that."""
    state = st.session_state
    before = list(state.get(CHOSEN, usual))
    if len(chosen) >= PAIR and list(chosen) != (before[:PAIR] if pair else before):
        state[CHOSEN] = list(chosen)
