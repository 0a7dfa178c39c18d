"""How a run is doing, as a value a page can draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lmc_core.report import Progress

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Order = Literal["newest", "oldest", "title"]
FINAL: tuple[State, ...] = ("done", "failed", "cancelled", "interrupted")


EXPECTED = "expected"
"""In what a run under way tells: seconds that it should take in all, going by its first forward passes."""


@dataclass(frozen=True)
class RunStatus:
    """One run's state.

    id, kind, title   title names the models: "digits MLP 128, seed 0 → seed 1"
    state             queued, running, done, failed, cancelled (on request) or interrupted (the server stopped)
    stage, part       what it is doing now, and what of that; the last stage reached if it ended early
    done, total       within the stage
    stages            the steps of its kind, in order
    elapsed           seconds since it started running; of the whole run once it ended
    expected          seconds it should take in all, from earlier runs like it, or else from its first forward passes;
                      None before either is known
    position          place in the queue, 1 = next; None unless queued
    reason            the sentence that says why it failed or was interrupted
    partial           measured so far: {"t": […], "naive": […], "aligned": […]}, test losses, None where unknown;
                      "band": what some random examples tell of all of them, once it can be told; "finding": what the
                      paths say, once all examples are measured and only layers are left; of a comparison
                      {"methods": a first row of every method that has aligned, "pair": which of several}; of a plane
                      {"plane": a coarse grid and the paths on it}
    finding           the result in one sentence
    listed            False: reachable by its link only
    model             of a run that read a file and is done: the id of the new model, or of the new data
    tags              words its owner published it under
    removed           when its result was removed; None if it was not, or has been computed again
    """

    id: str
    kind: str
    state: State
    title: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    elapsed: float = 0.0
    expected: float | None = None
    position: int | None = None
    reason: str = ""
    partial: Mapping[str, Any] = field(default_factory=dict)
    finding: str = ""
    listed: bool = True
    created: float = 0.0
    model: str | None = None
    tags: tuple[str, ...] = ()
    part: str = ""
    stages: tuple[str, ...] = ()
    removed: float | None = None

    @property
    def finished(self) -> bool:
        """True once nothing will change any more."""
        return self.state in FINAL

    @property
    def gone(self) -> bool:
        """True if it had a result that is no longer there, removed or damaged; `reason` says it."""
        return self.removed is not None or (self.state == "failed" and bool(self.finding))

    @property
    def progress(self) -> Progress:
        """How far it is within its stage."""
        return Progress(self.stage, self.done, self.total, self.part)

    @property
    def step(self) -> int:
        """Which of `stages` is being done, from 1; 0 before the first."""
        return self.stages.index(self.stage) + 1 if self.stage in self.stages else 0

    @property
    def steps(self) -> int:
        """How many steps this kind of run has."""
        return len(self.stages)

    @property
    def fraction(self) -> float:
        """Between 0 and 0.99: by time where the expected time is known, else by steps. 1 only when done."""
        if self.state == "done":
            return 1.0
        if self.expected:
            return min(0.97, self.elapsed / self.expected)
        return min(0.97, (max(self.step - 1, 0) + self.progress.share) / self.steps) if self.steps else 0.0

    @property
    def json(self) -> dict[str, Any]:
        """Every field and derived number, for `/api/runs/<id>`; the stage as one line with its part."""
        derived = {"finished": self.finished, "step": self.step, "steps": self.steps, "fraction": self.fraction}
        plain = {name: value for name, value in asdict(self).items() if name not in ("part", "stages")}
        return {**plain, "stage": self.progress.text, **derived}
