"""Layers that a run on large networks does not hold: compared by a run of their own, when somebody looks at them."""

from collections.abc import Callable

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.kinds.layers import LayersResult
from lmc_core.runs.kinds.path import PathResult
from pages._jobs import job, offers
from pages._show.view import Shown

ELSEWHERE = (
    "The layers of these networks were not compared where this run comes from, and the networks are not here: ask for "
    "this path there, and open its tab Layers."
)


def whole(result: PathResult, run_id: str) -> PathResult:
    """The run, with its layers where these were compared since."""
    found = _found(run_id) if result.later else None
    return result if found is None else found[1].within(result)


def keeper(result: PathResult, run_id: str) -> str:
    """The run that kept the units one by one: it itself, or the one that compared its layers since."""
    found = _found(run_id) if result.later else None
    return run_id if found is None else found[0]


def tab(body: Callable[[Shown], None]) -> Callable[[Shown], None]:
    """A tab about layers; where they are not compared yet, a way to have it done."""

    def drawn(shown: Shown) -> None:
        if shown.result.later:
            _offer(shown.run)
        else:
            body(shown)

    return drawn


def _offer(run_id: str) -> None:
    request = _request(run_id)
    if request is None:
        st.caption(ELSEWHERE)
        return
    expected = runs.expected(request)
    label = "Compare" if expected is None else f"Compare, about {job.seconds(expected)}"
    words = "{} of these networks have not been compared yet: they are large, so this takes longer than the path."
    offers.missing({"The layers": request}, "layers", words, label)


def _found(run_id: str) -> tuple[str, LayersResult] | None:
    """The run that compared the layers, and what it found, once it is done."""
    request = _request(run_id)
    now = None if request is None else job.status(request.id)
    if now is None or now.state != "done":
        return None
    found = runs.result(now.id)
    assert isinstance(found, LayersResult)
    return now.id, found


def _request(run_id: str) -> runs.Request | None:
    """None where its models are not here, as for a run of another server."""
    try:
        return runs.bind(runs.Request.of("layers", run=run_id))
    except LMCError:
        return None
