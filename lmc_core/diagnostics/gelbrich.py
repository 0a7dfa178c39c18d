"""What part of the transport cost between two layers their means and covariances explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.cost import transport_cost
from lmc_core.errors import InputError

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Gelbrich:
    """The three parts of W₂² between two layers.

    mean         ‖m_A − m_B‖²
    covariance   tr(Σ_A + Σ_B − 2 (Σ_A^½ Σ_B Σ_A^½)^½)
    rest         what is left: the shape beyond two moments, and the cost of finite samples
    """

    mean: float
    covariance: float
    rest: float

    @property
    def total(self) -> float:
        """W₂²."""
        return self.mean + self.covariance + self.rest

    @property
    def share(self) -> float | None:
        """Of the first two in W₂²; None where the layers coincide."""
        return (self.mean + self.covariance) / self.total if self.total > 0 else None


def gelbrich(a: Rows, b: Rows) -> Gelbrich:
    """W₂² between two layers of equally many units, split by Gelbrich's bound.

    W₂² ≥ ‖m_A − m_B‖² + tr(Σ_A + Σ_B − 2 (Σ_A^½ Σ_B Σ_A^½)^½), with equality where B is A moved by a symmetric positive
    map, as Gaussians are (Gelbrich 1990, theorem 2.1). Moments are those of the units themselves (1/n), so the bound
    holds exactly and the rest is not negative.

    a, b    (units, features) in one basis

    Raises InputError for layers of other sizes.
    """
    if a.shape != b.shape:
        raise InputError(f"the cost splits between layers of one size, not {a.shape} and {b.shape}")
    total = transport_cost(a, b)
    first, second = a.mean(0), b.mean(0)
    mean = float(((first - second) ** 2).sum())
    x, y = (a - first) / np.sqrt(len(a)), (b - second) / np.sqrt(len(b))
    covariance = max(0.0, float((x**2).sum() + (y**2).sum()) - 2 * _fidelity(x, y))
    return Gelbrich(mean, covariance, max(0.0, total - mean - covariance))


def _fidelity(x: Rows, y: Rows) -> float:
    """tr (Σ_A^½ Σ_B Σ_A^½)^½ of Σ_A = XᵀX and Σ_B = YᵀY: the nuclear norm of X Yᵀ, which needs no root."""
    triangles = [np.linalg.qr(rows)[1] if len(rows) > rows.shape[1] else rows for rows in (x, y)]
    return float(np.linalg.norm(triangles[0] @ triangles[1].T, "nuc"))
