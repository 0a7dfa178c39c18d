"""What the results of all kinds of run have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from lmc_core.runs.values.card import ModelCard, models_json, models_title


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """How a result came about; the results of each kind add what was found.

    request    the canonical request as a mapping; of the command line, its arguments
    seconds    stage → wall-clock seconds: "align", "evaluate", …
    versions   package → version
    device     on which it was computed
    finding    the sentence
    notes      what a reader should know
    """

    request: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    finding: str = ""
    notes: tuple[str, ...] = ()

    @property
    def made(self) -> dict[str, Any]:
        """All but the request, as JSON."""
        return {
            "notes": list(self.notes),
            "seconds": dict(self.seconds),
            "versions": dict(self.versions),
            "device": self.device,
            "finding": self.finding,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured(Record):
    """Models measured on data after an alignment; the results of each kind add what was found.

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


@runtime_checkable
class Result(Protocol):
    """What every kind of run has found: at least a title, a sentence, and itself as JSON."""

    @property
    def request(self) -> Mapping[str, Any]:
        """What was asked for."""

    @property
    def title(self) -> str:
        """What it is about."""

    @property
    def finding(self) -> str:
        """What was found, as a sentence."""

    @property
    def json(self) -> dict[str, Any]:
        """All of it, for programs."""
