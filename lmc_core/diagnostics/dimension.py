"""How many directions the weights of a layer fill, and how many of them the data sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.units import mean_outputs, unit_weights, weighed
from lmc_core.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from lmc_core.networks.network import Network

KEPT = 60
"""Eigenvalues kept for drawing."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of one second moment of a layer's units.

    shares      (k,) float32: the largest eigenvalues over their sum, decreasing
    dimension   Dim(S) = tr(S)² / tr(S²) (Ferbach 2023, §5): 1 if one direction holds all, n if n share equally
    """

    shares: NDArray[np.float32]
    dimension: float


@dataclass(frozen=True, eq=False)
class Dimension:
    """The spectra of one group in network A.

    weights    of W Wᵀ: all directions count alike
    seen       of W Σ Wᵀ, Σ the uncentred second moment of the input; None without data
    centred    of W (Σ − m mᵀ) Wᵀ: the mean of ReLU activations is one dominant direction, and this leaves it out
    units, features   the most each of them could be is the smaller of the two
    """

    units: int
    features: int
    weights: Spectrum
    seen: Spectrum | None
    centred: Spectrum | None


def dimension(network: Network, symmetry: Symmetry, group: str, moments: Sequence[Any] | None = None) -> Dimension:
    """The approximate dimension of one group's units; `moments` of the network's inputs (`alignment/moments.py`)."""
    weights = unit_weights(network, symmetry, group)
    if not weighed(symmetry, group, moments):
        return dimensions(weights)
    assert moments is not None
    means = mean_outputs(network, symmetry, group, moments)
    return dimensions(weights, unit_weights(network, symmetry, group, moments), means)


def dimensions(
    weights: NDArray[np.floating],
    seen: NDArray[np.floating] | None = None,
    means: NDArray[np.floating] | None = None,
) -> Dimension:
    """The spectra of rows (units, features) in the metrics of `Dimension`.

    seen    rows of W Σ^½
    means   (units, writers) W m of every block of `seen`
    """
    return Dimension(
        units=weights.shape[0],
        features=weights.shape[1],
        weights=spectrum(weights),
        seen=None if seen is None else spectrum(seen),
        centred=None if seen is None or means is None else spectrum(seen, means),
    )


def spectrum(rows: NDArray[np.floating], less: NDArray[np.floating] | None = None) -> Spectrum:
    """Of rows rowsᵀ − less lessᵀ, rows (units, features), uncentred. No direction at all has dimension 0.

    less   (units, k) within what the columns of `rows` span; nothing if None
    """
    if rows.shape[0] <= rows.shape[1]:
        gram = rows @ rows.T
        if less is not None:
            gram -= (less @ less.T).astype(gram.dtype)
    else:  # the smaller matrix with the same eigenvalues
        gram = rows.T @ rows
        if less is not None:
            values, vectors = np.linalg.eigh(gram)
            known = values > len(values) * np.finfo(values.dtype).eps * values[-1]
            share = (vectors[:, known].T @ (rows.T @ less)) / np.sqrt(values[known])[:, None]
            gram = np.diag(values[known]) - share @ share.T
    values = np.linalg.eigvalsh(gram)[::-1].clip(min=0)
    total, squares = float(values.sum()), float((values**2).sum())
    if total == 0:
        return Spectrum(np.zeros(min(KEPT, len(values)), np.float32), 0.0)
    return Spectrum((values[:KEPT] / total).astype(np.float32), total**2 / squares)
