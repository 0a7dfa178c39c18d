"""How the distance of two layers falls with their width, and the dimension that this implies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scaling:
    """W₂² of one layer at several widths.

    widths   (k,) numbers of units m
    costs    (k,) W₂² over the mean squared norm of the units: 2 where partners are strangers, 0 where they are equal
    slope    s of log cost = s·log m + constant, by least squares
    """

    label: str
    widths: NDArray[np.float64]
    costs: NDArray[np.float64]
    slope: float

    @property
    def dimension(self) -> float | None:
        """−2/s: E W₂² falls as m^(−2/d) for d > 4 (Fournier–Guillin); None where the cost does not fall.

        An indicator: biased at small d, and at large d at these widths.
        """
        return -2 / self.slope if self.slope < 0 else None


def scaling(label: str, widths: Sequence[float], costs: Sequence[float]) -> Scaling:
    """The line through (log m, log cost), for at least two widths."""
    m, c = np.asarray(widths, np.float64), np.asarray(costs, np.float64)
    slope = float(np.polyfit(np.log(m), np.log(np.maximum(c, 1e-30)), 1)[0])
    return Scaling(label, m, c, slope)
