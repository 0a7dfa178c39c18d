"""Runs that read examples from a visitor's file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lmc_core.options import Options
from lmc_core.runs.kinds._file import FILENAME, HERE, UPLOAD, named
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.values.card import DataCard
from lmc_core.runs.values.record import Record

STAGES = ("Reading the examples",)


@dataclass(frozen=True, eq=False, kw_only=True)
class DataResult(Record):
    """What an uploaded file of examples holds."""

    model: DataCard

    @property
    def title(self) -> str:
        """The name of the data."""
        return self.model.title

    @property
    def json(self) -> dict[str, Any]:
        """What `/api/runs/<id>` says."""
        card = self.model
        facts = {"id": card.id, "title": card.title, "train": card.train, "test": card.test, "digest": card.digest}
        return {"data": {**facts, "shape": list(card.shape), "classes": list(card.classes)}, "notes": list(self.notes)}


DATA_FILE = Kind(
    "data",
    "Reading the examples",
    STAGES,
    Options("data", (UPLOAD, FILENAME, HERE)),
    (DataResult, DataCard),
    settle=named,
    facts=(),
    reads_file=True,
)
