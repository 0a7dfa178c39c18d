"""Paths of other methods over that of a run: those that are stored are drawn, the others can be asked for."""

from collections.abc import Iterable, Mapping

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.runs.values.result import PathResult
from pages._frame.text import escaped
from pages._jobs import gate, jobs

SAME = ("a", "b", "data", "points", "recalibrate", "seed", "train_examples", "device")
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
        now = jobs.status(request.id) if request else None
        if now is not None and now.state == "done":
            other = runs.result(now.id)
            assert isinstance(other, PathResult)
            found[name] = other.aligned
    return found


def titled(profiles: Mapping[str, Profile]) -> dict[str, Profile]:
    return {METHODS[name].title: profile for name, profile in profiles.items()}


def offer(result: PathResult, names: Iterable[str]) -> None:
    """What is missing: the run under way, why one ended early, and a button for all that were not asked for."""
    requests = {name: request for name in names if (request := _request(result, name)) is not None}
    states = {name: jobs.status(request.id) for name, request in requests.items()}
    for name, now in states.items():
        if now is not None and now.state in ("failed", "cancelled", "interrupted"):
            st.caption(f":material/error: {METHODS[name].title}: {escaped(now.reason) or now.state}.")
    under_way = [now for now in states.values() if now is not None and not now.finished]
    if under_way:
        jobs.watch(min(under_way, key=lambda now: now.state != "running").id)
        return
    missing = [name for name, now in states.items() if now is None or now.state != "done"]
    if not missing:
        return
    with st.container(border=True, key="overlay-missing", horizontal=True, vertical_alignment="center"):
        listed = ", ".join(METHODS[name].title for name in missing)
        st.markdown(f"Not computed for this pair yet: {listed}.", width="stretch")
        if gate.passed("run them") and st.button(f"Run {len(missing)}", key="overlay-run"):
            for name in missing:
                jobs.submit(requests[name], follow=False)
            st.rerun()


def _request(result: PathResult, name: str) -> runs.Request | None:
    """The same path by another method; None where its models or data are not here, as for a run of another server."""
    try:
        return runs.Request.path(method=name, **{option: result.request[option] for option in SAME})
    except (LMCError, KeyError):
        return None
