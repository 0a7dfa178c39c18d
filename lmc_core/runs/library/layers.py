"""Which run compared the layers of another, where somebody asked for it."""

from __future__ import annotations

from lmc_core.errors import LMCError
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds.layers import LayersResult
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library.entry import bind


def request(run: str) -> Request | None:
    """The request that compares the layers of a run; None where its models are not here, as for one from elsewhere."""
    try:
        return bind(Request.of("layers", run=run))
    except LMCError:
        return None


def whole(run: str, result: PathResult) -> tuple[str, PathResult]:
    """A path with its layers, where these were compared since, and the run that kept its units."""
    asked = request(run) if result.later else None
    if asked is None:
        return run, result
    try:
        found = opened().result(asked.id)
    except LMCError:  # not asked for yet, under way, ended early, or removed
        return run, result
    assert isinstance(found, LayersResult)
    return asked.id, found.within(result)
