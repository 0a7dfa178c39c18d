"""The same run from a link, a shell and Python."""

import json

import streamlit as st

from pages._frame.text import escaped
from pages._show import share
from pages._show.shown import Shown


def body(shown: Shown) -> None:
    result = shown.result
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        st.markdown("**Link to this result** · opens without recomputing")
        st.code(share.run_link(shown.run_id), language=None)
        st.markdown("**Command line**")
        st.code(share.command(result), language="bash")
        st.markdown("**Versions**")
        versions = " · ".join(f"{name} {version}" for name, version in result.versions.items())
        st.caption(escaped(f"{versions} · {result.device} · seed {result.alignment.seed}"))
        with st.expander("Request as JSON"):
            st.code(json.dumps(dict(result.request), indent=1, default=list), language="json")
    with right:
        st.markdown("**Python**")
        st.code(share.python(result), language="python")
