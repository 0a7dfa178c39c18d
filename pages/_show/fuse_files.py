"""A fusion as files, each built only when somebody asks for it, and the fused network on its way into the library."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.values.fused import ARTIFACTS, FuseResult
from lmc_core.words.fuse import fuse_paths, fuse_scores
from pages._frame.text import escaped
from pages._jobs import gate, jobs, visitor
from pages._show import downloads, fuse_report
from pages._show.views import _parts

File = tuple[str, str, str, Callable[[], bytes]]
"""Label, icon, name, what makes it."""


def shelf(result: FuseResult, run_id: str) -> None:
    """The fused network: to download, or to keep in the visitor's library."""
    kept = checkpoint(run_id)
    if kept is None:
        return
    slot = f"fused-{run_id}"
    now = jobs.status(st.session_state.get(slot, ""))
    with st.container(horizontal=True, key="shelf"):
        get, name = partial(runs.artifact, run_id, kept), filename(result, kept)
        st.download_button("Download the fused network", get, name, icon=":material/download:", on_click="ignore")
        sent = now is not None and (now.state == "done" or not now.finished)
        if gate.allowed():
            how: dict[str, Any] = {"icon": ":material/library_add:", "key": "send", "disabled": sent}
            st.button("Send to Library", on_click=_send, args=(slot, result, run_id, kept), **how)
    if now is None:
        return
    if not now.finished:
        _reading(now.id)
    elif now.model:
        _told(now.model, result)
    else:
        st.error(escaped(now.reason) or f"Reading the network was {now.state}.", icon=":material/error:")


def _send(slot: str, result: FuseResult, run_id: str, kept: str) -> None:
    """Add the fused network to the visitor's models, as any file: read by the worker, private."""
    try:
        content, me = runs.artifact(run_id, kept), visitor.name()
        ask = library.add(filename(result, kept), content, data=_measurable(result), owner=me)
        st.session_state[slot] = runs.submit(ask, me)
        visitor.asks(st.session_state[slot])
    except LMCError as error:
        st.toast(escaped(str(error)), icon=":material/error:")


def _measurable(result: FuseResult) -> str | None:
    """The data of the fusion, unless it is gone."""
    try:
        return datasets.checked(result.data.name)
    except LMCError:
        return None


@st.fragment(run_every=jobs.POLL)
def _reading(read: str) -> None:
    now = jobs.status(read)
    if now is None or now.finished:
        st.rerun()
    st.progress(now.fraction, jobs.stage(now))


def _told(model: str, result: FuseResult) -> None:
    """Where the network can be found now."""
    try:
        card = library.card(model)
    except LMCError:  # deleted since
        return
    parent = next((card.id for card in result.models), "")
    with st.container(horizontal=True, vertical_alignment="center", key=f"sent-{model}"):
        st.markdown(f":material/check: **{escaped(card.title)}** is in your library, private.", width="content")
        query = {"a": parent, "b": model, "data": result.data.name}
        st.page_link("explore.py", label="Explore it with A", icon=":material/arrow_forward:", query_params=query)
        st.page_link("library.py", label="Library", icon=":material/arrow_forward:")


def checkpoint(run_id: str) -> str | None:
    """The file that holds the fused network; None where a run came without it."""
    there = runs.artifacts(run_id)
    return next((name for name in ARTIFACTS if name in there), None)


def filename(result: FuseResult, kept: str) -> str:
    """What the fused network is called as a file."""
    return f"{result.method}-of-{len(result.models)}-{result.fingerprint[:6]}.{kept.partition('.')[2]}"


def files(result: FuseResult, run_id: str) -> list[File]:
    """Everything else a result can be saved as."""
    return [
        ("Scores, CSV", "table", f"{run_id}-scores.csv", lambda: _parts.as_csv(fuse_scores(result.outcome))),
        ("Paths, CSV", "table", f"{run_id}-paths.csv", lambda: _parts.as_csv(fuse_paths(result.outcome))),
        ("Everything, JSON", "data_object", f"{run_id}.json", lambda: json.dumps(result.json, indent=1).encode()),
        ("Report, HTML", "description", f"{run_id}.html", lambda: fuse_report.report(result, run_id)),
        ("Request, JSON", "data_object", f"{run_id}-request.json", lambda: _parts.request_json(run_id)),
        *((file.label, file.icon, file.name, file.make) for file in downloads.bundles(run_id, result.models)),
    ]
