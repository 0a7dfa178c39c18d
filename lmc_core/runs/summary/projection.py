"""A layer of another run, placed."""

from __future__ import annotations

from lmc_core.runs.kinds.projection import ProjectionResult
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.marks import as_text


def summary(result: ProjectionResult) -> Summary:
    """What is said of it."""
    return Summary(
        result=result,
        finding=as_text(result.finding),
        notes=result.notes,
        tables=(Table(lambda: places(result), "Places", "Places of the units"),),
    )


def places(result: ProjectionResult) -> Columns:
    """One row per drawn unit: its number in A, and where it lies in A, in B and in B aligned."""
    cloud = result.cloud
    columns: dict[str, list[float]] = {"unit": cloud.drawn.tolist()}
    for name, points in (("A", cloud.a), ("B", cloud.before.b), ("aligned B", cloud.after.b)):
        columns |= {f"{name} {axis}": points[:, k].tolist() for k, axis in enumerate("xy")}
    return columns
