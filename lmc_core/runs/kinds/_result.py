"""What the results of these kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmc_core.runs.card import ModelCard, models_json, models_title


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """Models measured on data after an alignment; subclasses say what was found.

    request   the canonical request as a mapping
    method    title of the method of alignment; empty if nothing was aligned
    seconds   stage → wall-clock seconds
    """

    request: Mapping[str, Any]
    models: tuple[ModelCard, ...]
    data: str
    method: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    finding: str = ""
    notes: tuple[str, ...] = ()

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
            "seconds": dict(self.seconds),
            "versions": dict(self.versions),
            "device": self.device,
            "finding": self.finding,
            "notes": list(self.notes),
        }
