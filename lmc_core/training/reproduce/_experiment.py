"""What an experiment finds: one table, what to read in it, and how to draw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lmc_core.figures.chart import Chart

ENDS = "the networks themselves"
"""What the rows of networks before any alignment or fusion are called."""


@dataclass(frozen=True)
class Run:
    """One measurement: of which networks, for which row of the table, and what was found.

    recipe   titles of the recipes of the networks
    seeds    of the networks, in their order
    row      column → value: of the rows that this is counted in
    found    column → number; where the table has that column, its number is the mean over the runs
    opens    kind and options of a request that aligns the same networks alike; None where they are not shipped, or
             where no request can ask for it
    """

    recipe: str
    seeds: tuple[int, ...]
    row: Mapping[str, Any]
    found: Mapping[str, float | None]
    opens: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Experiment:
    """The result of a reproduced experiment.

    title      what was done
    columns    of the table
    rows       one tuple per row, numbers as numbers; None where there is nothing to say
    notes      sentences: what the table shows, what differs from the paper
    details    everything else worth keeping, as JSON values (every seed's number, the settings)
    chart      how to draw the table
    runs       the measurements behind the rows, one of each set of networks
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    chart: Chart | None = None
    runs: tuple[Run, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """As one JSON object: rows as objects by column."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        chart = asdict(self.chart) if self.chart else None
        runs = [asdict(run) for run in self.runs]
        return {"title": self.title, "rows": rows, "notes": list(self.notes), "chart": chart, **self.details} | (
            {"runs": runs} if runs else {}
        )


def columns(scores: Sequence[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """Several measurements of the same quantities, by quantity."""
    return {name: [score.get(name) for score in scores] for name in scores[0]}


def spread(found: Sequence[float]) -> tuple[float, float | None, int]:
    """Mean, standard deviation of the sample (None for a single number) and how many there are."""
    return float(np.mean(found)), float(np.std(found, ddof=1)) if len(found) > 1 else None, len(found)
