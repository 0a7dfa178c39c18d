"""Clouds that a run does not hold: placed by a small run of their own, when somebody asks for them."""

import streamlit as st

from lmc_core import runs
from lmc_core.diagnostics.cloud import Cloud
from lmc_core.runs.keep.units import FILE
from lmc_core.runs.kinds.projection import PLACED, ProjectionResult
from lmc_core.runs.values.result import PathResult
from pages._frame.text import escaped
from pages._jobs import gate, jobs


def possible(run_id: str) -> tuple[str, ...]:
    """The projections that can be asked for: those that need the units, where the run kept them."""
    return PLACED if FILE in runs.artifacts(run_id) else ()


def cloud(result: PathResult, run_id: str, group: str, projection: str) -> Cloud | None:
    """A layer's cloud; None where it still has to be placed."""
    if (group, projection) in result.clouds:
        return result.clouds[group, projection]
    now = jobs.status(_request(run_id, group, projection).id)
    if now is None or now.state != "done":
        return None
    found = runs.result(now.id)
    assert isinstance(found, ProjectionResult)
    return found.cloud


def offer(run_id: str, group: str, projection: str) -> None:
    """What can be done about a cloud that is not there: ask for it, wait for it, or ask again."""
    request = _request(run_id, group, projection)
    now = jobs.status(request.id)
    if now is not None and not now.finished:
        jobs.watch(now.id)
        return
    with st.container(border=True, key="placing", horizontal=True, vertical_alignment="center"):
        if now is not None:
            st.markdown(f"t-SNE of this layer ended early: {escaped(now.reason) or now.state}.", width="stretch")
        else:
            st.markdown("t-SNE of this layer is not placed yet; below are the principal components.", width="stretch")
        expected = runs.expected(request)
        label = "Place it" if expected is None else f"Place it, about {jobs.seconds(expected)}"
        if gate.passed("place it") and st.button(label, key="place"):
            jobs.submit(request, follow=False)
            st.rerun()


def _request(run_id: str, group: str, projection: str) -> runs.Request:
    return runs.Request.of("projection", run=run_id, group=group, projection=projection)
