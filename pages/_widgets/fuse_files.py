"""A fusion as files, each built only when somebody asks for it, and the fused network on its way into the library."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.figures.fuse_words import letter
from lmc_core.runs import library
from lmc_core.runs.fused import ARTIFACTS, FuseResult
from pages._widgets import gate, incoming, visitor
from pages._widgets.text import escaped
from pages._widgets.views import _parts

File = tuple[str, str, str, Callable[[], bytes]]
"""Label, icon, name, what makes it."""


def shelf(result: FuseResult, run_id: str) -> None:
    """The fused network: to download, or to keep in the visitor's library."""
    kept = checkpoint(run_id)
    if kept is None:
        return
    slot, name = f"fused-{run_id}", filename(result, kept)
    with st.container(horizontal=True, key="shelf"):
        get = partial(runs.artifact, run_id, kept)
        st.download_button("Download the fused network", get, name, icon=":material/download:", on_click="ignore")
        if gate.allowed() and st.button("Send to Library", icon=":material/library_add:", key="send"):
            incoming.hand_over(slot, name, lambda: send(result, run_id, kept))
    for now in incoming.reading(slot):
        if now.model:
            told(now.model, result)


def send(result: FuseResult, run_id: str, kept: str) -> str:
    """Add the fused network to the visitor's models; returns the id of the run that reads it."""
    content = runs.artifact(run_id, kept)
    return library.add(filename(result, kept), content, data=result.data.name, owner=visitor.name())


def told(model: str, result: FuseResult) -> None:
    """Where the network can be found now."""
    card = library.card(model)
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
        ("Scores, CSV", "table", f"{run_id}-scores.csv", lambda: _parts.as_csv(scores(result))),
        ("Paths, CSV", "table", f"{run_id}-paths.csv", lambda: _parts.as_csv(paths(result))),
        ("Everything, JSON", "data_object", f"{run_id}.json", lambda: json.dumps(result.json, indent=1).encode()),
        ("Request, JSON", "data_object", f"{run_id}-request.json", lambda: _parts.request_json(run_id)),
    ]


def scores(result: FuseResult) -> dict[str, list[Any]]:
    """One row per network."""
    outcome = result.outcome
    rows: list[tuple[str, Any]] = [
        (f"{letter(k)}, {name}", found)
        for k, (name, found) in enumerate(zip(outcome.names, outcome.parents, strict=True))
    ]
    if outcome.average is not None:
        rows.append(("plain average", outcome.average))
    rows.append(("fused", outcome.fused))
    rows += [(f"fused, {number(epoch, 'epoch')}", found) for epoch, found in enumerate(outcome.curve) if epoch]
    return {
        "network": [name for name, _ in rows],
        "test acc.": [100 * found["test"]["accuracy"] for _, found in rows],
        "test loss": [found["test"]["loss"] for _, found in rows],
        "train acc.": [100 * found["train"]["accuracy"] for _, found in rows],
        "train loss": [found["train"]["loss"] for _, found in rows],
    }


def paths(result: FuseResult) -> dict[str, list[Any]]:
    """One row per path and point."""
    outcome = result.outcome
    columns: dict[str, list[Any]] = {"from": [], "to": [], "t": []}
    lines = [(k, "fused", path) for k, path in enumerate(outcome.paths) if path is not None]
    lines += [(k, "plain average", path) for k, path in enumerate(outcome.average_paths)]
    for k, end, path in lines:
        columns["from"] += [letter(k)] * len(path.t)
        columns["to"] += [end] * len(path.t)
        columns["t"] += path.t.tolist()
        for split, metrics in path.values.items():
            for metric, values in metrics.items():
                columns.setdefault(f"{split} {metric}", []).extend(values.tolist())
    return columns


def number(count: int, what: str) -> str:
    """ "1 step", "3 steps"."""
    return f"{count} {what}{'' if count == 1 else 's'}"
