"""Which two directions a cloud is drawn in: those of largest variance, random ones, or those that set A and B apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.shape import plane
from lmc_core.errors import SettingError

Array = NDArray[np.float64]

_STARTS, _FIRST, _STEPS = 3, 8, 40
"""Starts of each sort; after the first steps only the two best of all are followed to the end."""


@dataclass(frozen=True, eq=False)
class Axes:
    """A plane through the mean of all rows.

    mean (d,), basis (d, 2) orthonormal columns, or zero where the rows span less than two dimensions
    explained    (2,) share of the joint variance along each
    apart        (2,) Wasserstein distance W₂ of the two clouds along each; None where it was not looked for
    """

    mean: Array
    basis: Array
    explained: Array
    apart: Array | None = None


def axes(kind: str, a: Array, b: Array, seed: int = 0) -> Axes:
    """The plane of a kind for two clouds a, b (n, d).

    kind   "pca": largest joint variance; "random": uniform, by `seed`; "sliced": largest sliced Wasserstein distance

    Raises SettingError for another kind.
    """
    rows = np.concatenate([a, b])
    if kind == "pca":
        return Axes(*plane(rows))
    apart = None
    if kind == "random":
        basis = random_axes(rows.shape[1], seed).astype(rows.dtype)
    elif kind == "sliced":
        basis, apart = sliced_axes(a, b, seed=seed)
    else:
        raise SettingError(f"axes {kind!r} are not one of pca, random, sliced")
    mean = rows.mean(0)
    total = float(((rows - mean) ** 2).sum())
    along = (((rows - mean) @ basis) ** 2).sum(0)
    return Axes(mean, basis, along / total if total > 0 else np.zeros(2), apart)


def random_axes(features: int, seed: int = 0) -> Array:
    """Two orthonormal directions (features, 2), uniform among all; of one feature, that one."""
    rng = np.random.default_rng([seed, 17])
    basis = np.zeros((features, 2))
    found = np.linalg.qr(rng.normal(size=(features, min(2, features))))[0]
    basis[:, : found.shape[1]] = found
    return basis


def sliced_axes(a: Array, b: Array, *, seed: int = 0) -> tuple[Array, Array]:
    """The two directions along which the clouds a, b (n, d) are farthest apart.

    e₁ maximises W₂(a e, b e), the max-sliced Wasserstein distance (Deshpande 2019, eq. 8); e₂ the same among what is
    orthogonal to e₁. In one dimension W₂² = mean over k of (k-th smallest of a e − k-th smallest of b e)², which is
    climbed from several starts: the difference of means, and wide directions of either cloud.

    Returns the basis (d, 2), largest entry of each column positive, and both distances (2,). Directions along which
    there is nothing to tell apart are the widest that are left.
    """
    centre = (a.mean(0) + b.mean(0)) / 2
    a, b = a - centre, b - centre
    rng = np.random.default_rng([seed, 19])
    basis, apart = np.zeros((a.shape[1], 2), a.dtype), np.zeros(2)
    scale = float(np.sqrt((a**2).sum(1).mean() + (b**2).sum(1).mean()))
    for number in range(min(2, a.shape[1])):
        known = basis[:, :number]
        rows = [cloud - (cloud @ known) @ known.T for cloud in (a, b)]
        # what random weights of the units add up to leans towards where the cloud is wide
        drawn = [rng.normal(size=(len(cloud), _STARTS)).astype(cloud.dtype) for cloud in rows]
        wide = [cloud.T @ (cloud @ (cloud.T @ weights)) for cloud, weights in zip(rows, drawn, strict=True)]
        directions = np.column_stack([rows[0].mean(0) - rows[1].mean(0), *wide])
        directions -= known @ (known.T @ directions)
        best, apart[number] = _climb(rows[0], rows[1], directions)
        if apart[number] <= 1e-9 * scale:
            best = plane(np.concatenate(rows))[1][:, 0]
        basis[:, number] = best if best[np.abs(best).argmax()] >= 0 else -best
    return basis, apart


def _climb(a: Array, b: Array, directions: Array) -> tuple[Array, float]:
    """The best of many ascents of W₂² from unit directions (d, s), all at once; and W₂ there.

    With the order of both projections held, W₂² = eᵀ M e: a step goes towards M e, and is halved where it overshoots.
    """
    e = _unit(directions)
    value, slope = _apart(a, b, e)
    step = np.full(e.shape[1], 16.0, e.dtype)
    for number in range(_STEPS):
        if number == _FIRST:
            kept = np.argsort(-value)[:2]
            e, slope, value, step = e[:, kept], slope[:, kept], value[kept], step[kept]
        moved = _unit(e + step * _unit(slope))
        reached, turned = _apart(a, b, moved)
        better = reached > value * (1 + 1e-12)
        e, slope = np.where(better, moved, e), np.where(better, turned, slope)
        value = np.where(better, reached, value)
        step = np.where(better, 2 * step, step / 4)
        if step.max() < 1e-6:
            break
    best = int(value.argmax())
    return e[:, best], float(np.sqrt(value[best]))


def _apart(a: Array, b: Array, e: Array) -> tuple[Array, Array]:
    """W₂² of a e and b e for every column of e (d, s), and M e (d, s), half its slope."""
    p, q = a @ e, b @ e
    order_p, order_q = p.argsort(axis=0), q.argsort(axis=0)
    gap = np.take_along_axis(p, order_p, 0) - np.take_along_axis(q, order_q, 0)
    at_a, at_b = np.empty_like(p), np.empty_like(q)
    np.put_along_axis(at_a, order_p, gap, 0)
    np.put_along_axis(at_b, order_q, gap, 0)
    return (gap**2).mean(0), (a.T @ at_a - b.T @ at_b) / len(a)


def _unit(directions: Array) -> Array:
    """Columns of length one; a column of nothing stays nothing."""
    length = np.linalg.norm(directions, axis=0)
    return np.divide(directions, length, out=np.zeros_like(directions), where=length > 0)
