"""How well the units of one group fit their partners, before and after alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.cost import MOST_UNITS, Cost, cost
from lmc_core.diagnostics.shape import plane
from lmc_core.diagnostics.units import units_of, weighed
from lmc_core.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.networks.network import Network

BINS = 32
BLOCKS = 64
SAMPLE = 2048
"""Similarities are taken between at most so many units."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """One choice of partners.

    counts        (bins,) histogram of the distances between partners
    mean          their mean
    cosine        mean cosine between partners, each cloud taken from its own mean
    similarity    (k, k) cosine between units of A (rows) and of B (columns, in partner order), averaged in blocks
    correlation   mean correlation of the partners' activations; None where it was not measured
    """

    counts: NDArray[np.int32]
    mean: float
    cosine: float
    similarity: NDArray[np.float32]
    correlation: float | None


@dataclass(frozen=True, eq=False)
class Matching:
    """The partners of one group, before (B in its trained order) and after alignment.

    units, moved   how many there are, and how many alignment put somewhere else (None if it did more than re-order)
    angles         principal angles in degrees, where they were rotated; None otherwise
    metric         "data": distances are of W Σ^½, as the data sees them; "weights": of W
    edges          (bins + 1,) of both histograms
    plain, seen    costs in both metrics; `seen` is None without data
    """

    group: str
    label: str
    units: int
    moved: int | None
    metric: str
    edges: NDArray[np.float32]
    before: Pairs
    after: Pairs
    plain: Cost
    seen: Cost | None
    angles: NDArray[np.float32] | None = None

    @property
    def cost(self) -> Cost:
        """In the metric of the histogram."""
        return self.seen or self.plain


def matching(
    a: Network,
    b: Network,
    aligned: Network,
    symmetry: Symmetry,
    group: str,
    *,
    moments: Sequence[Any] | None = None,
    coupling: Coupling | None = None,
    correlations: tuple[float | None, float | None] = (None, None),
    label: str | None = None,
    seed: int = 0,
) -> Matching:
    """How the units of one group match.

    aligned       B in the order of A
    moments       of A's inputs, to measure distances as the data sees them
    coupling      of this group, for the number of moved units
    correlations  mean correlation of partners' activations before and after, where they were measured
    seed          of the sample of units compared, where there are more than `SAMPLE`
    """
    plain = units_of((a, b, aligned), symmetry, group)
    seen = None if not weighed(symmetry, group, moments) else units_of((a, b, aligned), symmetry, group, moments)
    told: dict[str, Any] = {"group": group, "label": label or group, "coupling": coupling, "seed": seed}
    return match(plain, seen, correlations=correlations, **told)


def match(
    plain: Sequence[NDArray[np.float64]],
    seen: Sequence[NDArray[np.float64]] | None,
    *,
    group: str,
    label: str,
    coupling: Coupling | None = None,
    correlations: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
) -> Matching:
    """The matching of three sets of rows (units, features): A's units, and their partners before and after alignment.

    plain, seen   rows of W, and of W Σ^½ where that is known
    """
    ours, before, after = seen or plain
    distances = [np.linalg.norm(ours - rows, axis=1) for rows in (before, after)]
    edges = np.linspace(0, max(float(np.max(distances)), 1e-12), BINS + 1)
    order = _order(ours, seed)
    angles = coupling.angles if coupling is not None else None
    limit = MOST_UNITS if angles is None else 0  # no order is the least that a rotation could reach
    sides = [
        Pairs(
            np.histogram(distance, edges)[0].astype(np.int32),
            float(distance.mean()),
            float(partner_cosines(ours, rows).mean()),
            blocks(cosines(ours[order], rows[order])).astype(np.float32),
            correlated,
        )
        for distance, rows, correlated in zip(distances, (before, after), correlations, strict=True)
    ]
    return Matching(
        group=group,
        label=label,
        units=len(ours),
        moved=coupling.moved if coupling is not None and coupling.is_hard else None,
        metric="weights" if seen is None else "data",
        edges=edges.astype(np.float32),
        before=sides[0],
        after=sides[1],
        plain=cost(*plain, limit=limit),
        seen=None if seen is None else cost(*seen, limit=limit),
        angles=None if angles is None else angles.astype(np.float32),
    )


def cosines(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) cosine between rows (n, d) and (m, d), each cloud taken from its own mean; 0 for a row at the mean."""
    a, b = (rows - rows.mean(0) for rows in (a, b))
    norms = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return np.divide(a @ b.T, norms, out=np.zeros_like(norms), where=norms > 0)


def partner_cosines(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the diagonal of `cosines`."""
    a, b = (rows - rows.mean(0) for rows in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(1), norms, out=np.zeros_like(norms), where=norms > 0)


def blocks(matrix: NDArray[np.float64], most: int = BLOCKS) -> NDArray[np.float64]:
    """A square matrix averaged in at most `most` × `most` blocks of nearly equal size."""
    starts = np.unique(np.linspace(0, len(matrix), min(most, len(matrix)) + 1).astype(int))[:-1]
    sizes = np.diff([*starts, len(matrix)])
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    return np.asarray(sums / np.outer(sizes, sizes))


def _order(rows: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Units of A (a sample, if there are many) by their place along the first principal component."""
    mean, basis, _ = plane(rows)
    order = np.argsort((rows - mean) @ basis[:, 0], kind="stable")
    if len(order) > SAMPLE:
        order = order[np.sort(np.random.default_rng(seed).choice(len(order), SAMPLE, replace=False))]
    return order
