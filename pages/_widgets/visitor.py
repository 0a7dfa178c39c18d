"""Who is looking: a name for one browser session, to which its uploads and jobs belong."""

from uuid import uuid4

import streamlit as st


def name() -> str:
    return str(st.session_state.setdefault("visitor", uuid4().hex))


def asked(run_id: str) -> bool:
    """True if this visitor started the run, and so may stop it."""
    return run_id in st.session_state.get("asked", ())


def asks(run_id: str) -> None:
    st.session_state.setdefault("asked", set()).add(run_id)
