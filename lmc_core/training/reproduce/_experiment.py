"""What an experiment finds: one table, and what to read in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """The result of a reproduced experiment.

    title      what was done
    columns    of the table
    rows       one tuple per row, numbers as numbers
    notes      sentences: what the table shows, what differs from the paper
    details    everything else worth keeping, as JSON values (every seed's number, the settings)
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """As one JSON object: rows as objects by column."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), **self.details}
