"""Who is looking: a name for one account or one browser, to which uploads and jobs belong."""

from hashlib import sha256
from uuid import uuid4

import streamlit as st

from lmc_core import runs
from lmc_core.runs.share import cookie
from pages._jobs import gate


def name() -> str:
    """The account of who has logged in, on every device; else this browser, or this session if it keeps no cookie."""
    if gate.logged_in():
        account = f"{st.user.get('iss', '')} {st.user.get('sub') or st.user.get('email')}"
        return f"user:{sha256(account.encode()).hexdigest()[:32]}"
    known = cookie.name(st.context.cookies.get(cookie.COOKIE))
    return str(st.session_state.setdefault("visitor", known or uuid4().hex))


def started(run_id: str) -> bool:
    """True if this visitor started the run since the page was loaded."""
    return run_id in st.session_state.get("started", ())


def waits(run_id: str) -> bool:
    """True if this visitor waits for the run, also since before the page was loaded again, and so may stop it."""
    return runs.wanted(run_id, name())


def starts(run_id: str) -> None:
    st.session_state.setdefault("started", set()).add(run_id)
