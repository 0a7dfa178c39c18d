"""The style sheets of the pages, which stand beside this file."""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
EVERY, BESIDE, EMBEDDED = (
    (HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("style", "sidebar", "embedded")
)


def apply() -> None:
    """The style sheet of this page, wherever its HTML came from."""
    st.html(sheet(embedded=bool(st.context.is_embedded)))


def sheet(*, embedded: bool, beside: bool = False) -> str:
    """The style sheet as an element; `beside` keeps the place of a sidebar that will come."""
    return f"<style>{EVERY}{BESIDE if beside and not embedded else ''}{EMBEDDED if embedded else ''}</style>"
