"""How a run is doing, as a value a page can draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
FINAL: tuple[State, ...] = ("done", "failed", "cancelled", "interrupted")

STAGES: Mapping[str, tuple[str, ...]] = {
    "path": (
        "Reading the networks",
        "Finding the symmetry",
        "Aligning B to A",
        "Evaluating both paths",
        "Comparing the layers",
    ),
    "inspect": ("Reading the file", "Finding the symmetry", "Measuring the accuracy"),
    "data": ("Reading the examples",),
    "bundle": ("Checking the bundle",),
}
"""Kind of run → its steps in order. A step may say more after SEPARATOR: "Aligning B to A · sweep"."""

SEPARATOR = " · "


def stages(kind: str) -> tuple[str, ...]:
    """The steps of a kind of run, in order; none if it is unknown."""
    from lmc_core.runs.kinds import MORE

    return MORE[kind].stages if kind in MORE else STAGES.get(kind, ())


@dataclass(frozen=True)
class RunStatus:
    """One run's state.

    id, kind, title   title names the models: "digits MLP 128, seed 0 → seed 1"
    state             queued, running, done, failed, cancelled (on request) or interrupted (the server stopped)
    stage             what it is doing now, with detail after " · "; the last stage reached if it ended early
    done, total       within the stage
    elapsed           seconds since it started running; of the whole run once it ended
    expected          seconds it should take in all, from earlier runs like it; None if there were none
    position          place in the queue, 1 = next; None unless queued
    reason            the sentence that says why it failed or was interrupted
    partial           measured so far: {"t": […], "naive": […], "aligned": […]}, test losses, None where unknown
    finding           the result in one sentence
    listed            False: reachable by its link only
    model             of a run that read a file and is done: the id of the new model, or of the new data
    tags              words its owner published it under
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

    @property
    def finished(self) -> bool:
        """True once nothing will change any more."""
        return self.state in FINAL

    @property
    def step(self) -> int:
        """Which step of `steps` is being done, from 1; 0 before the first."""
        names = stages(self.kind)
        label = self.stage.split(SEPARATOR)[0]
        return names.index(label) + 1 if label in names else 0

    @property
    def steps(self) -> int:
        """How many steps this kind of run has."""
        return len(stages(self.kind))

    @property
    def fraction(self) -> float:
        """Between 0 and 0.99: by time where the expected time is known, else by steps. 1 only when done."""
        if self.state == "done":
            return 1.0
        if self.expected:
            return min(0.97, self.elapsed / self.expected)
        within = self.done / self.total if self.total else 0.0
        return min(0.97, (max(self.step - 1, 0) + min(within, 1.0)) / self.steps) if self.steps else 0.0

    @property
    def json(self) -> dict[str, Any]:
        """Every field and derived number, for `/api/runs/<id>`."""
        derived = {"finished": self.finished, "step": self.step, "steps": self.steps, "fraction": self.fraction}
        return {**asdict(self), **derived}
