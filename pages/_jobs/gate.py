"""Where a host asks for it (LMC_LOGIN=required), only who has logged in may upload and start runs."""

import logging

import streamlit as st
from streamlit.errors import StreamlitAuthError

from lmc_core.runs.settings import settings

log = logging.getLogger("lmc_core.pages.gate")


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
    st.button("Log in", icon=":material/login:", key=f"login-{what}", on_click=_login)
    return False


def _login() -> None:
    try:
        st.login()
    except StreamlitAuthError:  # no Authlib, or no [auth] in the secrets
        log.exception("LMC_LOGIN=required, but nobody can log in: see docs/deploy.md")
        st.toast("Its host has not set up the login of this server yet.", icon=":material/error:")


def account() -> None:
    """Who is logged in, and the way out."""
    if logged_in():
        name = st.user.get("name") or st.user.get("email") or "you"
        st.button(f"Log out {name}", icon=":material/logout:", key="logout", type="tertiary", on_click=st.logout)
