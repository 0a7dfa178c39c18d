"""Whatever a visitor deletes is asked for twice: nothing that is gone comes back."""

from collections.abc import Callable

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from pages._frame.text import escaped
from pages._jobs import visitor

RUN = "Its result and its link are gone for everybody. It can be asked for again."


def button(name: str, lost: str, delete: Callable[[str], object]) -> None:
    """A button that says what will be lost, and only then deletes the thing of this name."""
    with st.popover("Delete", icon=":material/delete:", key=f"deleting-{name}"):
        st.caption(lost)
        st.button(
            "Delete for good",
            key=f"delete-{name}",
            icon=":material/delete_forever:",
            type="primary",
            on_click=_told,
            args=(delete, name),
        )


def run(now: runs.RunStatus) -> None:
    """The same of a run, for its owner; for everybody else, nothing."""
    if now.finished and runs.owned(now.id, visitor.name()):
        button(now.id, RUN, lambda name: runs.delete(name, visitor.name()))


def _told(delete: Callable[[str], object], name: str) -> None:
    try:
        delete(name)
    except (LMCError, OSError) as error:  # such as a disk that nothing can be written to
        st.toast(f"It could not be deleted and is still there: {escaped(str(error))}", icon=":material/error:")
