"""What an experiment finds: one table, what to read in it, and how to draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lmc_core.figures.chart import Chart


@dataclass(frozen=True)
class Experiment:
    """The result of a reproduced experiment.

    title      what was done
    columns    of the table
    rows       one tuple per row, numbers as numbers; None where there is nothing to say
    notes      sentences: what the table shows, what differs from the paper
    details    everything else worth keeping, as JSON values (every seed's number, the settings)
    chart      how to draw the table
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    chart: Chart | None = None

    @property
    def json(self) -> dict[str, Any]:
        """As one JSON object: rows as objects by column."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        chart = asdict(self.chart) if self.chart else None
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "chart": chart, **self.details}


def spread(found: Sequence[float]) -> tuple[float, float | None, int]:
    """Mean, standard deviation of the sample (None for a single number) and how many there are."""
    return float(np.mean(found)), float(np.std(found, ddof=1)) if len(found) > 1 else None, len(found)
