"""What is said of finished runs, one file per kind, each with `summary(result)`; needs no torch."""

from importlib import import_module

from lmc_core.runs.summary._summary import Columns, Summary, Table, no_pictures
from lmc_core.runs.values.record import Result

__all__ = ["Columns", "Summary", "Table", "no_pictures", "summary"]


def summary(kind: str, result: Result) -> Summary:
    """What is said of a result of this kind."""
    found = import_module(f"lmc_core.runs.summary.{kind}").summary(result)
    assert isinstance(found, Summary)
    return found
