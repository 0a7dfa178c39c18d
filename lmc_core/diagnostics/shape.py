"""The shape of point clouds: principal plane, densities, ellipses, evenly spread points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EXACT = 256
_BLOCK, _STEPS = 4, 48


def plane(rows: Array) -> tuple[Array, Array, Array]:
    """The first two principal components of rows (n, d).

    Returns mean (d,), basis (d, 2), share of the variance along each (2,). Signs are fixed: the largest entry of each
    component is positive. Rows that span less than two dimensions give zero columns.
    """
    mean = rows.mean(0)
    centred = rows - mean
    basis, explained = np.zeros((rows.shape[1], 2), rows.dtype), np.zeros(2)
    total = float((centred**2).sum())
    if total > 0:
        space = _krylov(centred) if min(rows.shape) > _EXACT else None
        _, values, vectors = np.linalg.svd(centred if space is None else centred @ space, full_matrices=False)
        found = min(2, int((values > 1e-12 * values[0]).sum()))
        basis[:, :found] = vectors[:found].T if space is None else space @ vectors[:found].T
        explained[:found] = values[:found] ** 2 / total
        peaks = basis[np.abs(basis).argmax(0), [0, 1]]
        basis *= np.where(peaks < 0, -1.0, 1.0)
    return mean, basis, explained


def _krylov(rows: Array) -> Array:
    """An orthonormal basis (d, ≤ 192) that holds the leading right singular vectors of rows (n, d).

    Block Krylov iteration (Musco & Musco 2015, alg. 2) from a fixed start, so that the same rows give the same plane.
    """
    block = np.random.default_rng(0).normal(size=(rows.shape[1], _BLOCK)).astype(rows.dtype)
    space = np.zeros((rows.shape[1], 0), rows.dtype)
    for _ in range(_STEPS):
        for _again in range(2):  # once is not enough in floating point
            block = np.linalg.qr(block - space @ (space.T @ block))[0]
        space = np.concatenate([space, block], axis=1)
        block = rows.T @ (rows @ block)
    return space


def density(values: Array, grid: Array) -> Array:
    """Gaussian kernel density of numbers (n,) on an even grid (g,), integral 1.

    Bandwidth by Silverman's rule, 0.9 min(σ, IQR / 1.34) n^(−1/5), and at least one step of the grid, so that even
    units that coincide draw a peak.
    """
    quarters = _between_quarters(np.sort(values)) / 1.34
    sigma = float(values.std())
    width = 0.9 * (min(sigma, quarters) if quarters > 0 else sigma) * len(values) ** -0.2
    width = max(float(width), float(grid[1] - grid[0]))
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2)
    return kernels.mean(1) / (width * np.sqrt(2 * np.pi))


def _between_quarters(ordered: Array) -> float:
    """Upper minus lower quartile of sorted numbers (n,), as `np.quantile` has them, at a tenth of its time."""
    places = np.array([0.25, 0.75]) * (len(ordered) - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, len(ordered) - 1)
    lower, upper = ordered[low] + (places - low) * (ordered[high] - ordered[low])
    return float(upper - lower)


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
