"""What is said of finished runs, one file per kind, each with `summary(result)`; needs no torch."""

from dataclasses import replace
from importlib import import_module

from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.runs.values.record import Result
from lmc_core.words.models import assumed

__all__ = ["Columns", "Summary", "Table", "summary"]


def summary(kind: str, result: Result) -> Summary:
    """What is said of a result of this kind, with what was assumed of its models among the notes."""
    found = import_module(f"lmc_core.runs.summary.{kind}").summary(result)
    assert isinstance(found, Summary)
    said = tuple(f"Assumed {what}." for _, what in assumed(getattr(result, "models", ())))
    return replace(found, notes=(*found.notes, *said)) if said else found
