"""Where a host asks for it (LMC_LOGIN=required), only who has logged in may upload and start runs."""

import streamlit as st

from lmc_core.runs.settings import settings


def logged_in() -> bool:
    return bool(getattr(st.user, "is_logged_in", False))


def allowed() -> bool:
    """True if this visitor may upload and start runs."""
    return logged_in() or not settings().login


def passed(what: str) -> bool:
    """The same; who may not is told, and offered to log in. `what` completes "Log in to …"."""
    if allowed():
        return True
    st.caption(f"Log in to {what}. Everything that is published can be seen without.")
    st.button("Log in", icon=":material/login:", key=f"login-{what}", on_click=st.login)
    return False


def account() -> None:
    """Who is logged in, and the way out."""
    if logged_in():
        name = st.user.get("name") or st.user.get("email") or "you"
        st.button(f"Log out {name}", icon=":material/logout:", key="logout", type="tertiary", on_click=st.logout)
