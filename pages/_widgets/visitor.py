"""Who is looking: a name for one account or browser session, to which uploads and jobs belong."""

from hashlib import sha256
from uuid import uuid4

import streamlit as st

from pages._widgets import gate


def name() -> str:
    """The account of who has logged in, on every device; else this session."""
    if gate.logged_in():
        account = f"{st.user.get('iss', '')} {st.user.get('sub') or st.user.get('email')}"
        return f"user:{sha256(account.encode()).hexdigest()[:32]}"
    return str(st.session_state.setdefault("visitor", uuid4().hex))


def asked(run_id: str) -> bool:
    """True if this visitor started the run, and so may stop it."""
    return run_id in st.session_state.get("asked", ())


def asks(run_id: str) -> None:
    st.session_state.setdefault("asked", set()).add(run_id)
