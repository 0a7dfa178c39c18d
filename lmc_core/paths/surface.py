"""Loss and accuracy over a plane of weights, as values that are drawn without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The checkpoints of one training run as they are seen from a plane.

    x, y      (n,) each: where the closest point of the plane lies
    off       (n,): how far the checkpoint is from that point
    values    split → metric → (n,): of the checkpoints themselves, not of the plane under them
    names     of the checkpoints, in the order of the training
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    off: NDArray[np.float64]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Surface:
    """Mean cross-entropy (nats) and accuracy (0..1) on a grid of the plane through three networks.

    x, y         (nx,), (ny,) coordinates along orthonormal axes: distances and angles are those of weight space
    values       split → metric → (ny, nx)
    corners      where the three networks lie: "a" at the origin, "b" on the first axis, "aligned"
    examples     split → how many examples were used
    recalibrate  how every point was recalibrated ("bn-reset", "repair"), or None
    trajectory   a training run that was drawn on it, or None
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    corners: Mapping[str, Point]
    examples: Mapping[str, int]
    seconds: float = 0.0
    recalibrate: str | None = None
    notes: tuple[str, ...] = ()
    trajectory: Trajectory | None = None

    def loss(self, split: str = "test") -> NDArray[np.float64]:
        """The loss on the grid, (rows, columns)."""
        return self.values[split]["loss"]

    def accuracy(self, split: str = "test") -> NDArray[np.float64]:
        """The accuracy on the grid between 0 and 1, (rows, columns)."""
        return self.values[split]["accuracy"]

    def distance(self, one: str, other: str) -> float:
        """Between two corners, in weight space."""
        return float(np.hypot(*np.subtract(self.corners[one], self.corners[other])))
