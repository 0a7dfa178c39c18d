"""A figure under construction: traces in drawing order, and for those that move what they are in each frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmc_core.figures.path.panels import axes_of

Move = Callable[[int], dict[str, Any]]
"""Frame number → the attributes that change."""


@dataclass
class Drawing:
    """Traces, and the moving ones among them.

    start    the frame shown first: a moving trace is born as it is there
    """

    start: int
    traces: list[dict[str, Any]] = field(default_factory=list)
    moving: list[tuple[int, Move]] = field(default_factory=list)

    def add(self, panel: str, *, move: Move | None = None, **trace: Any) -> None:
        """Draw one scatter trace over all before it; it tells nothing on hover unless it has a template."""
        if move is not None:
            self.moving.append((len(self.traces), move))
            trace |= move(self.start)
        if "hovertemplate" not in trace:
            trace["hoverinfo"] = "skip"
        self.traces.append({"type": "scatter", "showlegend": False, **axes_of(panel), **trace})

    def put(self, other: Drawing) -> None:
        """Draw all traces of another one over all before."""
        self.moving += [(len(self.traces) + number, move) for number, move in other.moving]
        self.traces += other.traces

    def seen(self, panel: str, frames: int) -> list[dict[str, Any]]:
        """What is drawn in a panel, a moving trace as it is in all of so many frames together."""
        moving, here = dict(self.moving), axes_of(panel)
        found: list[dict[str, Any]] = []
        for number, trace in enumerate(self.traces):
            if here.items() <= trace.items():
                move = moving.get(number)
                found.append(trace if move is None else trace | _together([trace | move(k) for k in range(frames)]))
        return found

    def frame(self, number: int) -> list[dict[str, Any]]:
        """What moves, as it is in one frame."""
        return [{"type": "scatter", **move(number)} for _, move in self.moving]

    @property
    def moved(self) -> list[int]:
        """Numbers of the moving traces, in the order of `frame`."""
        return [number for number, _ in self.moving]


def f32(values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32, which plotly sends as a typed array."""
    return np.ascontiguousarray(values, dtype=np.float32)


def _together(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The places of all frames in a row, with a gap between two."""
    return {side: np.concatenate([np.append(frame[side], np.nan) for frame in frames]) for side in "xy"}
