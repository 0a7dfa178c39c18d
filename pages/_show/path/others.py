"""Paths of other methods over that of a run: those that are stored are drawn, the others can be asked for."""

from collections.abc import Iterable

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.runs.kinds.path import PathResult
from pages._jobs import job, offers

MEASURED = ("points", "recalibrate", "seed", "train_examples", "test_examples", "precision", "device")
SAME = ("a", "b", "data", *MEASURED)
NONE = "identity"  # its path is the naive one, which is always drawn


def chosen(result: PathResult) -> tuple[str, ...]:
    """The methods to draw over the run's own, in the URL by their names."""
    options = [name for name in METHODS if name not in (NONE, result.alignment.method)]
    found = st.multiselect(
        "Methods drawn over this one",
        options,
        key="overlay",
        bind="query-params",
        help="Runs of the same pair, data and points. Those that are not stored yet can be started.",
    )
    return tuple(name for name in options if name in found)


def paths(result: PathResult, names: Iterable[str]) -> dict[str, Profile]:
    """Method → its path, of those that are done."""
    found = {}
    for name in names:
        request = _request(result, name)
        now = job.status(request.id) if request else None
        if now is not None and now.state == "done":
            other = runs.result(now.id)
            assert isinstance(other, PathResult)
            found[name] = other.aligned
    return found


def offer(result: PathResult, names: Iterable[str]) -> None:
    """What is missing of them, and a way to have it computed."""
    found = {METHODS[name].title: request for name in names if (request := _request(result, name)) is not None}
    offers.missing(found, "overlay", "Not computed for this pair yet: {}.", "Compute")


def _request(result: PathResult, name: str) -> runs.Request | None:
    """The same path by another method; None where its models or data are not here, as for a run of another server."""
    same = {option: result.request[option] for option in SAME if option in result.request}
    try:
        return runs.bind(runs.Request.of("path", method=name, **same))
    except (LMCError, KeyError):
        return None
