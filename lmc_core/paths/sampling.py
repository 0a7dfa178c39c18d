"""How far a barrier measured on some examples may be from that of all of them.

Examples are drawn without replacement and are the same at every t, so the excess of each example over the straight line
between its two ends has one covariance over t. From it follows a band that holds for the mean at all t and at all looks
at once, by the Gaussian multiplier method (Chernozhukov, Chetverikov & Kato 2013): after n of N examples the error of
the mean is B(τ)/τ with τ = 1/(1/n − 1/N), B a Brownian motion of that covariance; the band is the 0.95 quantile of the
largest |B(τ)|/√τ over t and looks, times the standard error. At n = N it has no width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.95
LEAST = 500
"""Examples below which nothing is said: losses have long tails, and the mean of a few is not yet normal."""
GROWTH = 1.25
"""Each look has so many times the examples of the look before."""
_DRAWS = 2_000
_KEPT = 1e-4
"""Directions of the covariance over t with less than this share of its trace are left out."""


@dataclass(frozen=True, eq=False)
class Moments:
    """First two moments over examples of what was measured at every t.

    count     examples
    total     (points,) sum over examples
    products  (points, points) sum over examples of the products of two points
    """

    count: int
    total: Array
    products: Array

    @classmethod
    def none(cls, points: int) -> Moments:
        """Of no examples yet."""
        return cls(0, np.zeros(points), np.zeros((points, points)))

    def and_of(self, values: Array) -> Moments:
        """With more examples, (points, examples)."""
        return Moments(self.count + values.shape[1], self.total + values.sum(axis=1), self.products + values @ values.T)

    @property
    def mean(self) -> Array:
        """The mean at every t, (points,)."""
        return self.total / self.count

    @property
    def covariance(self) -> Array:
        """Between the points, over examples, unbiased: (points, points)."""
        found: Array = (self.products - self.count * np.outer(self.mean, self.mean)) / (self.count - 1)
        return found

    def excess(self, t: Array) -> Moments:
        """The moments of every example's excess over the line between its ends: e(t) = l(t) − (1−t)·l(0) − t·l(1)."""
        over = np.eye(len(t))
        over[:, 0] -= 1 - t
        over[:, -1] -= t
        return Moments(self.count, over @ self.total, over @ self.products @ over.T)

    def error(self, population: int) -> Array:
        """Standard error of the mean at every t, (points,); 0 once all examples of the population are in."""
        variance = np.maximum(np.diag(self.covariance), 0)
        error: Array = np.sqrt(variance * max(1 / self.count - 1 / population, 0.0))
        return error

    def margin(self, population: int, looks: tuple[int, ...] | None = None) -> Array:
        """Half the width of the band that holds the population's mean at all t and all looks with 95 %, (points,).

        looks   numbers of examples at which the band is looked at; by default this one only
        """
        error = self.error(population)
        if not error.any() or not np.isfinite(error).all():
            return error
        return error * quantile(self.covariance, looks or (self.count,), population)


def looks(population: int, least: int = LEAST) -> tuple[int, ...]:
    """Numbers of examples after which the band is looked at: growing geometrically, all of the population left out."""
    found = []
    size = float(least)
    while size < population:
        found.append(round(size))
        size *= GROWTH
    return tuple(found)


def quantile(covariance: Array, sizes: tuple[int, ...], population: int, level: float = LEVEL) -> float:
    """The `level` quantile of max |B(τ, t)| / √(τ·Σ(t, t)) over points t and sizes n, τ = 1/(1/n − 1/N).

    The same draws every time: the same covariance gives the same quantile.
    """
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0))
    moving = deviation > 1e-12 * deviation.max()
    correlation = covariance[np.ix_(moving, moving)] / np.outer(deviation[moving], deviation[moving])
    strength, directions = np.linalg.eigh(correlation)
    kept = strength > _KEPT * strength.sum()
    root = directions[:, kept] * np.sqrt(strength[kept])
    root /= np.linalg.norm(root, axis=1, keepdims=True)
    times = np.array([1 / (1 / n - 1 / population) for n in sizes if n < population])
    normal = np.random.default_rng(0).standard_normal((len(times), _DRAWS, root.shape[1]))
    normal *= np.sqrt(np.diff(times, prepend=0.0))[:, None, None]
    highest = np.zeros(_DRAWS)
    motion = np.zeros((_DRAWS, root.shape[1]))
    for step, time in zip(normal, times, strict=True):
        motion = motion + step
        highest = np.maximum(highest, np.abs(motion @ root.T).max(axis=1) / np.sqrt(time))
    return float(np.quantile(highest, level))
