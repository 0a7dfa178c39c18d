"""What the results of these kinds have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lmc_core.runs.values.card import ModelCard, models_json, models_title
from lmc_core.runs.values.record import Record


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured(Record):
    """Models measured on data after an alignment; subclasses say what was found.

    method    title of the method of alignment; empty if nothing was aligned
    """

    models: tuple[ModelCard, ...]
    data: str
    method: str

    @property
    def title(self) -> str:
        """The models by name."""
        return models_title(*self.models)

    @property
    def json(self) -> dict[str, Any]:
        """Everything but the numbers; subclasses add them."""
        return {
            "method": self.method,
            "data": self.data,
            "models": models_json(self.models),
            **self.made,
        }
