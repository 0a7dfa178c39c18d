"""Loss and accuracy along a path, and the barrier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmc_core.shown import drawn, page

Split = Literal["train", "test"]
Metric = Literal["loss", "accuracy"]


@dataclass(frozen=True, eq=False)
class Profile:
    """Mean cross-entropy (nats) and accuracy (0..1) at every t, on training and test examples.

    t            (n,) increasing, first 0, last 1
    values       split → metric → (n,) float64
    examples     split → how many examples were used
    seconds      wall-clock time of the evaluation
    recalibrate  how the points between the ends were recalibrated ("bn-reset", "repair"); the ends never are, so the
                 barrier is always measured from the two networks as they were given
    notes        sentences for the user, about what recalibration left out
    population   split → how many examples there are in all, where only some were drawn
    errors       split → metric → (n,) standard error of the value, where only some examples were drawn
    margins      split → metric → (n,) half the width of the band that holds the excess of all examples at every t at
                 once, and at every look where it was measured until it is precise enough, with 95 %
    task         what the targets are, which says what loss and accuracy are: `words/measures`
    """

    t: NDArray[np.float64]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    examples: Mapping[str, int]
    seconds: float = 0.0
    recalibrate: str | None = None
    notes: tuple[str, ...] = ()
    population: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, Mapping[str, NDArray[np.float64]]] = field(default_factory=dict)
    margins: Mapping[str, Mapping[str, NDArray[np.float64]]] = field(default_factory=dict)
    task: str = "classification"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return page(self)

    def plot(self) -> Any:
        """A plotly figure: the loss along the path."""
        return drawn(self)

    def loss(self, split: Split = "test") -> NDArray[np.float64]:
        """The loss at every t, (points,)."""
        return self.values[split]["loss"]

    def accuracy(self, split: Split = "test") -> NDArray[np.float64]:
        """The accuracy at every t between 0 and 1, (points,)."""
        return self.values[split]["accuracy"]

    def excess(self, split: Split = "test", metric: Metric = "loss") -> NDArray[np.float64]:
        """How much worse than the straight line between the ends, at each t: positive is worse for either metric."""
        y = self.values[split][metric]
        line = (1 - self.t) * y[0] + self.t * y[-1]
        return y - line if metric == "loss" else line - y

    def barrier(self, split: Split = "test", metric: Metric = "loss") -> float:
        """max over t of L(t) − [(1−t) L(0) + t L(1)] (Entezari 2021); for accuracy the same with the sign turned."""
        return float(self.excess(split, metric).max())

    def interval(self, split: Split = "test", metric: Metric = "loss") -> tuple[float, float]:
        """Where the barrier on all examples lies, with 95 %: one number twice where all were measured.

        If |ê(t) − e(t)| ≤ m(t) at all t then max (ê − m) ≤ max e ≤ max (ê + m).
        """
        excess, margin = self.excess(split, metric), self.margins.get(split, {}).get(metric, np.zeros(len(self.t)))
        return float((excess - margin).max()), float((excess + margin).max())

    def uncertainty(self, split: Split = "test", metric: Metric = "loss") -> float:
        """How far the barrier on all examples may be from the one measured: the x of "0.67 ± x"; 0 for all examples."""
        low, high = self.interval(split, metric)
        return max(high - self.barrier(split, metric), self.barrier(split, metric) - low)

    def sampled(self, split: Split = "test") -> bool:
        """Whether it is known how far the values are from those of all examples, because only some were drawn."""
        return split in self.margins

    def peak(self, split: Split = "test", metric: Metric = "loss") -> float:
        """The t at which the barrier is reached."""
        return float(self.t[int(self.excess(split, metric).argmax())])

    def midpoint(self, split: Split = "test", metric: Metric = "loss") -> float:
        """The value at t = ½ (interpolated if ½ is not a point)."""
        return float(np.interp(0.5, self.t, self.values[split][metric]))
