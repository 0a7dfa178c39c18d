"""How long work tells how far it is, and how it is stopped."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Progress:
    """How far work is.

    stage      the step, as a run's kind lists it
    done, of   within the step; of = 0 where nothing is counted
    part       what of the step is being done
    """

    stage: str = ""
    done: int = 0
    of: int = 0
    part: str = ""

    @property
    def share(self) -> float:
        """Of the step, between 0 and 1."""
        return min(self.done / self.of, 1.0) if self.of else 0.0

    @property
    def text(self) -> str:
        """The step and its part as one line."""
        return " · ".join(filter(None, (self.stage, self.part)))


class Report(Protocol):
    """`report(stage, done, of)`, or with the part of the stage: called often; it stops the work by raising
    `Cancelled`."""

    def __call__(self, stage: str, done: int, of: int, /, part: str = "") -> None: ...


def silent(stage: str, done: int, of: int, /, part: str = "") -> None:
    """The report that tells nobody."""
