"""Files on their way into the library: handed over, read by the worker, and what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import InputError, LMCError
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library.limits import upload_limit
from lmc_core.runs.values.status import RunStatus
from pages._frame.text import escaped
from pages._jobs import door, gate, job, visitor

REFUSED = "refused "


@dataclass(frozen=True)
class Slot:
    """A place for files, whose fate the session remembers under `name`: of many, or only of the last one."""

    name: str
    many: bool = True

    @property
    def noted(self) -> dict[str, str]:
        """Run → nothing, or the name of a refused file → why."""
        noted: dict[str, str] = st.session_state.setdefault(f"{self.name}:noted", {})
        return noted


def uploader(label: str, kinds: Sequence[str], slot: Slot, take: Callable[[Any], Request]) -> None:
    """A place for files; `take` keeps one and says what is to be run on it. The session keeps no bytes."""
    state = st.session_state
    turn = state.setdefault(f"{slot.name}:turn", 0)
    how: dict[str, Any] = {"label_visibility": "collapsed", "max_upload_size": largest()}
    if gate.allowed():
        door.admit()
    given = st.file_uploader(label, list(kinds), slot.many, key=f"{slot.name}-{turn}", **how)
    files = given if isinstance(given, list) else [given] if given is not None else []
    if not files:
        return
    for file in files:
        hand_over(slot, file.name, lambda file=file: take(file))  # type: ignore[misc]
    state[f"{slot.name}:turn"] = turn + 1  # a new uploader, so that the session lets go of the bytes
    st.rerun()


def largest() -> int:
    """Megabytes that a file may have: as many as the host takes, and as Streamlit does."""
    return max(1, min(upload_limit() // 2**20, st.get_option("server.maxUploadSize")))


def hand_over(slot: Slot, name: str, take: Callable[[], Request]) -> None:
    """Hand one file over, and note its run or why it was refused."""
    noted = slot.noted
    if not slot.many:
        noted.clear()
    noted.pop(f"{REFUSED}{name}", None)
    try:
        if not gate.allowed():
            raise InputError("Log in first: this server reads files only for people it knows")
        run = runs.submit(take(), visitor.name())
    except LMCError as error:
        noted[f"{REFUSED}{name}"] = str(error)
    else:
        visitor.starts(run)
        noted[run] = ""


def reading(slot: Slot) -> list[RunStatus]:
    """Every file of the slot as the worker has it; the finished ones are returned."""
    noted = slot.noted
    for why in filter(None, noted.values()):
        st.error(escaped(why), icon=":material/error:")
    found = [now for key in noted if (now := job.status(key)) is not None]
    if unread := tuple(now.id for now in found if not now.finished):
        job.watch(unread, job.line)
    for now in found:
        if now.finished and now.state != "done":
            why = escaped(now.reason) or f"Reading the file was {now.state}."
            named = "" if why.startswith(escaped(now.title)) else f"**{escaped(now.title)}** · "
            st.error(f"{named}{why}", icon=":material/error:")
    if (
        slot.many
        and noted
        and st.button("Clear", key=f"{slot.name}-clear", type="tertiary", icon=":material/clear_all:")
    ):
        for key in set(noted) - set(unread):
            del noted[key]
        st.rerun()
    return [now for now in found if now.state == "done"]
