"""What every kind of run keeps beside what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
