"""docs/models.md, written from the record, so that no number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"

Row = dict[str, Any]

HEAD = """Each row builds one architecture of the package, small and with random weights; nothing is downloaded. Written
by `python -m benchmarks models` (`requirements-models.txt`), one process per architecture, one core.

- *Groups*: sets of interchangeable units found in the trace. *Dropped*: distinct reasons for which the experiment
  refused some of them afterwards.
- *Error*: largest relative change of the outputs, max |Δ| / max |output|, when all groups are permuted at once by a
  draw that the inference has not seen, at random weights, gains and statistics, in float64 where the module allows it.
- *Restored*: how much of a permuted copy weight matching puts back, in its default settings.
- *Seconds*: tracing, inferring and verifying together, on the clock of a machine whose two cores did other work too.
"""


def written(rows: Sequence[Row], missing: int = 0) -> str:
    """The page; `missing` architectures have not been measured."""
    return "\n".join(("# Published architectures\n", _summary(rows, missing), HEAD, *_tables(rows)))


def _summary(rows: Sequence[Row], missing: int) -> str:
    traced = [row for row in rows if row["traced"]]
    verified = [row for row in traced if _verified(row)]
    planted = [row for row in traced if row["restored"] is not None]
    restored = [row for row in planted if row["restored"] == 1.0]
    slowest = max(traced, key=lambda row: row["seconds"], default=None)
    slow = f"; slowest {slowest['seconds']:.0f} s ({slowest['name']})" if slowest else ""
    return (
        f"**{len(rows)} architectures: {len(traced)} traced, {len(verified)} verified, planted copies restored in "
        f"{len(restored)} of {len(planted)}{slow}{f'; {missing} not measured yet' if missing else ''}.**\n"
    )


def _verified(row: Row) -> bool:
    return row["error"] is not None and row["error"] <= row["tolerance"]


def _tables(rows: Iterable[Row]) -> Iterator[str]:
    for versions, some in groupby(rows, lambda row: row["versions"]):
        yield f"## {versions}\n"
        yield "| architecture | traced | verified | groups | dropped | error | restored | seconds | what is wrong |"
        yield "|---|---|---|--:|--:|--:|--:|--:|---|"
        for row in some:
            yield _row(row)
        yield ""


def _row(row: Row) -> str:
    mark = {True: "yes", False: "**no**"}
    error = "" if row["error"] is None else f"{row['error']:.0e}"
    restored = "" if row["restored"] is None else f"{100 * row['restored']:.4g} %"
    fault = row["fault"].replace("|", "\\|")
    cells = (
        row["name"].split("/", 1)[1],
        mark[row["traced"]],
        mark[_verified(row)],
        row["groups"],
        row["dropped"] or "",
        error,
        restored,
        f"{row['seconds']:.1f}",
        fault,
    )
    return "| " + " | ".join(map(str, cells)) + " |"
