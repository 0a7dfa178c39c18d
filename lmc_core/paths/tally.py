"""What a split has shown so far: the sums of losses and right answers at every point of every path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.paths.batches import Batch, summed
from lmc_core.paths.sampling import LEAST, Moments, looks

Array = NDArray[np.float64]
METRICS = ("loss", "accuracy")


class Tally:
    """Sums over the examples of one split.

    paths, points   how many there are
    wanted          examples that will be measured at most, drawn from `population`
    early           whether it may end before: then every look counts, else only the last
    """

    def __init__(
        self, paths: int, points: int, wanted: int, population: int, *, early: bool, device: torch.device
    ) -> None:
        self.population, self.seen, self.targets = population, 0, 0
        self.drawn = early or wanted < population
        self.looks = tuple(n for n in looks(population) if early and n < wanted)
        self.looks += (wanted,) if LEAST <= wanted < population else ()
        self._sums = torch.zeros(paths, points, 2, dtype=torch.float64, device=device)
        self._products = torch.zeros(paths, 2, points, points, dtype=torch.float64, device=device)
        self._values: dict[int, Tensor] = {}

    def add(self, path: int, point: int, batch: Batch, loss: Tensor, right: Tensor) -> None:
        """What one batch gave at one point, (targets,) each."""
        self._sums[path, point] += summed(loss, right)
        if self.drawn:
            _, points, _ = self._sums.shape
            self._values[point] = torch.stack([loss.double(), right.double()]).reshape(2, batch.count, -1).mean(-1)
            if len(self._values) == points:
                values = torch.stack([self._values[k] for k in range(points)], 1)
                self._products[path] += values @ values.mT
                self._values = {}

    def end(self, batch: Batch) -> bool:
        """One batch is done at all points of all paths; whether that is a look."""
        before = self.seen
        self.seen += batch.count
        self.targets += batch.targets.numel()
        return any(before < n <= self.seen for n in self.looks)

    def means(self, path: int) -> Mapping[str, Array]:
        """Metric → its mean at every point, not a number while nothing is seen."""
        means = self._sums[path].cpu().numpy() / max(self.targets, 1)
        means = means if self.seen else np.full_like(means, np.nan)
        return {metric: means[:, k] for k, metric in enumerate(METRICS)}

    def spread(self, path: int, t: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Metric → standard error of the mean, and metric → margin of the excess, at every point."""
        errors, margins = {}, {}
        for k, metric in enumerate(METRICS):
            total = self.means(path)[metric] * self.seen
            moments = Moments(self.seen, total, self._products[path, k].cpu().numpy())
            errors[metric] = moments.error(self.population)
            margins[metric] = moments.excess(t).margin(self.population, self.looks)
        return errors, margins

    @property
    def sampled(self) -> bool:
        """Whether enough were drawn to say how far the means are from those of all, and all were not."""
        return self.drawn and LEAST <= self.seen < self.population


def precise(barriers: Sequence[float], uncertainties: Sequence[float], precision: float) -> bool:
    """Whether every barrier is known to `precision`, relative; one below a tenth of the highest, as that tenth."""
    least = max(barriers) / 10
    return all(u <= precision * max(b, least) for b, u in zip(barriers, uncertainties, strict=True))
