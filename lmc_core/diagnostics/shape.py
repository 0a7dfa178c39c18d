"""The shape of point clouds: densities, ellipses, evenly spread points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def density(values: Array, grid: Array) -> Array:
    """Gaussian kernel density of numbers (n,) on an even grid (g,), integral 1.

    Bandwidth by Silverman's rule, 0.9 min(σ, IQR / 1.34) n^(−1/5), and at least one step of the grid, so that even
    units that coincide draw a peak.
    """
    quarters = np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34
    sigma = float(values.std())
    width = 0.9 * (min(sigma, quarters) if quarters > 0 else sigma) * len(values) ** -0.2
    width = max(float(width), float(grid[1] - grid[0]))
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2)
    return kernels.mean(1) / (width * np.sqrt(2 * np.pi))


def ellipse(points: Array, sigmas: float = 2.0, corners: int = 49) -> Array:
    """The curve of constant Mahalanobis distance from the mean of points (n, 2): (corners, 2), closed."""
    covariance = np.cov(points.T, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, corners)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # the symmetric root, so that a corner moves smoothly from one frame to the next
    half = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return points.mean(0) + sigmas * circle @ half


def farthest(points: Array, count: int) -> NDArray[np.int64]:
    """Numbers of `count` evenly spread points (n, 2): each the farthest from those taken, the first from the mean."""
    gap = np.linalg.norm(points - points.mean(0), axis=1)
    taken = [int(gap.argmax())]
    nearest = np.linalg.norm(points - points[taken[0]], axis=1)
    while len(taken) < min(count, len(points)):
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[taken[-1]], axis=1))
    return np.array(taken)
