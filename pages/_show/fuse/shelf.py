"""The fused network: to download, or to keep in the visitor's library."""

from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.kinds.fuse import ARTIFACTS, FuseResult
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from pages._frame.navigation import lead
from pages._frame.text import escaped
from pages._jobs import gate, incoming, job, visitor
from pages._show.view import Shown


def draw(shown: Shown) -> None:
    """Both ways, and what became of the second."""
    result, run_id = shown.result, shown.run
    kept = checkpoint(run_id)
    if kept is None:
        return
    slot, name = incoming.Slot(f"fused-{run_id}", many=False), filename(result, kept)
    with st.container(horizontal=True, key="shelf"):
        get = partial(runs.artifact, run_id, kept)
        st.download_button("Download the fused network", get, name, icon=":material/download:", on_click="ignore")
        sent = any((now := job.status(key)) and (now.state == "done" or not now.finished) for key in slot.noted)
        if gate.allowed():
            how: dict[str, Any] = {"icon": ":material/library_add:", "key": "send", "disabled": sent}
            st.button("Send to Library", on_click=_send, args=(slot, result, run_id, kept), **how)
    for now in incoming.reading(slot):
        if now.model:
            _sent(now.model, result)


def _send(slot: incoming.Slot, result: FuseResult, run_id: str, kept: str) -> None:
    """Add the fused network to the visitor's models, as any file: read by the worker, private."""
    name, me = filename(result, kept), visitor.name()
    take = lambda: library.add(name, runs.artifact(run_id, kept), data=_measurable(result), owner=me)  # noqa: E731
    incoming.hand_over(slot, name, take)


def _measurable(result: FuseResult) -> str | None:
    """The data of the fusion, unless it is gone."""
    try:
        return datasets.checked(result.data.name)
    except LMCError:
        return None


def _sent(model: str, result: FuseResult) -> None:
    """Where the network can be found now."""
    try:
        card = library.card(model)
    except LMCError:  # deleted since
        return
    parent = next((card.id for card in result.models), "")
    with st.container(horizontal=True, vertical_alignment="center", key=f"sent-{model}"):
        st.markdown(f":material/check: **{escaped(card.title)}** is in your library, private.", width="content")
        query = {"a": parent, "b": model, "data": result.data.name}
        lead("explore", "Explore it with A", query)
        lead("library", "Library")


def checkpoint(run_id: str) -> str | None:
    """The file that holds the fused network; None where a run came without it."""
    there = runs.artifacts(run_id)
    return next((name for name in ARTIFACTS if name in there), None)


def filename(result: FuseResult, kept: str) -> str:
    """What the fused network is called as a file."""
    return f"{result.method}-of-{len(result.models)}-{result.fingerprint[:6]}.{kept.partition('.')[2]}"
