"""A file that was read."""

from __future__ import annotations

from lmc_core.runs.summary._summary import Summary
from lmc_core.runs.values.record import Result
from lmc_core.words.marks import as_text


def summary(result: Result) -> Summary:
    """What is said of it."""
    return Summary(result=result, finding=as_text(result.title) + " was read.", about=as_text(result.finding))
