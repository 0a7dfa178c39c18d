"""Classes of symmetry: which invertible matrices may move the units of a group, as a lattice from permutations upwards.

    general  >  orthogonal  >  centred  >  permutation        orthogonal  >  signed  >  permutation
    general  >  scaled  >  permutation                        general  >  complex  >  phase        orthogonal  >  phase

A class holds every matrix that commutes with all operations that carry the group: linear ones leave all of them, a norm
over the units those that keep lengths, a ReLU positive scales, a hyperbolic tangent signs. Rotary positions turn pairs
of units by angles of their own: what commutes with them multiplies every pair, as a complex number, by another, and
re-orders nothing. A pair is units k and k + n/2, or 2k and 2k + 1 where it is interleaved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from lmc_core.operators import Kind

Element = NDArray[np.int64] | NDArray[np.float64]
"""What moves the units of one group: a permutation (n,) of whole numbers, new[k] = old[perm[k]], or a matrix (n, n),
target × source; for a group nested in N outer units one per unit, row i for the one that ends at place i: (N, n) or
(N, n, n)."""

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every class, each before those it holds."""

WITHIN: Mapping[Kind, frozenset[Kind]] = {
    "general": frozenset(KINDS),
    "orthogonal": frozenset({"orthogonal", "phase", "interleaved-phase", "centred", "signed", "permutation"}),
    "complex": frozenset({"complex", "phase"}),
    "interleaved-complex": frozenset({"interleaved-complex", "interleaved-phase"}),
    "phase": frozenset({"phase"}),
    "interleaved-phase": frozenset({"interleaved-phase"}),
    "centred": frozenset({"centred", "permutation"}),
    "scaled": frozenset({"scaled", "permutation"}),
    "signed": frozenset({"signed", "permutation"}),
    "permutation": frozenset({"permutation"}),
}
"""Class → the classes whose matrices it holds, itself included."""

_MEET: Mapping[tuple[Kind, Kind], Kind | None] = {
    (a, b): next((kind for kind in KINDS if kind in WITHIN[a] & WITHIN[b]), None) for a in KINDS for b in KINDS
}

LOWER: Mapping[Kind, Kind] = {
    "general": "orthogonal",
    "orthogonal": "centred",
    "complex": "phase",
    "interleaved-complex": "interleaved-phase",
    "centred": "permutation",
    "scaled": "permutation",
    "signed": "permutation",
}
"""Class → the next smaller one to try where an experiment refuses it; none: its units cannot move at all."""

COMPLEX: tuple[Kind, ...] = ("complex", "interleaved-complex")
"""Classes of complex numbers of any size, one per rotary pair."""

SPREAD = 0.3
"""Standard deviation of the logarithm of the scales that are drawn: condition numbers of a few units."""


def meet(a: Kind, b: Kind) -> Kind | None:
    """The matrices that belong to both classes; None where no class holds more of them than the identity."""
    return _MEET[a, b]


def self_dual(kind: Kind) -> Kind:
    """The matrices G of a class with G⁻ᵀ = G: what is left where one tensor meets a group from both sides."""
    left = _MEET[kind, "orthogonal"]
    assert left is not None
    return left


def reorders(kind: Kind) -> bool:
    """Whether a class holds every permutation."""
    return "permutation" in WITHIN[kind]


def pairs(kind: Kind, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Of n units the first and the second of every rotary pair (n/2,); None for other classes."""
    if reorders(kind):
        return None
    first = np.arange(0, n, 2) if kind.startswith("interleaved") else np.arange(n // 2)
    return first, first + (1 if kind.startswith("interleaved") else n // 2)


def of_numbers(kind: Kind, numbers: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Complex numbers c of rotary pairs (…, n/2) as matrices (…, n, n): every pair, as x + iy, is multiplied by c."""
    n = 2 * numbers.shape[-1]
    found = pairs(kind, n)
    assert found is not None
    first, second = found
    matrix = np.zeros((*numbers.shape[:-1], n, n))
    matrix[..., first, first] = matrix[..., second, second] = numbers.real
    matrix[..., second, first] = numbers.imag
    matrix[..., first, second] = -numbers.imag
    return matrix


def as_numbers(kind: Kind, matrix: NDArray[np.float64]) -> NDArray[np.complex128]:
    """The complex numbers (…, n/2) nearest to matrices (…, n, n): what of each pair's block commutes with rotations."""
    found = pairs(kind, matrix.shape[-1])
    assert found is not None
    first, second = found
    real = matrix[..., first, first] + matrix[..., second, second]
    imaginary = matrix[..., second, first] - matrix[..., first, second]
    return np.asarray((real + 1j * imaginary) / 2)


def has_dual(kind: Kind) -> bool:
    """Whether a class holds matrices that move the units in one way where they are made and in another where used."""
    return self_dual(kind) != kind


def draw(kind: Kind, n: int, rng: np.random.Generator) -> Element:
    """A random element of a class, never the identity: (n,) for a permutation, else a matrix (n, n)."""
    if kind == "permutation":
        return _moving(n, rng)
    if kind in ("signed", "scaled"):
        matrix = np.eye(n)[_moving(n, rng)]
        signs = rng.choice([-1.0, 1.0], n)
        scales = signs if kind == "signed" else np.exp(SPREAD * rng.standard_normal(n))
        return np.asarray(matrix * scales, dtype=np.float64)
    if not reorders(kind):
        angles, sizes = rng.uniform(-np.pi, np.pi, n // 2), np.exp(SPREAD * rng.standard_normal(n // 2))
        return of_numbers(kind, np.exp(1j * angles) * (sizes if kind in COMPLEX else 1.0))
    if kind == "centred":
        around = _orthogonal(n, rng, first=np.ones(n))  # its first column is the all-ones direction
        turn = np.eye(n)
        turn[1:, 1:] = _orthogonal(n - 1, rng)
        return np.asarray(around @ turn @ around.T)
    turn = _orthogonal(n, rng)
    if kind == "orthogonal":
        return turn
    return np.asarray(turn * np.exp(SPREAD * rng.standard_normal(n)) @ _orthogonal(n, rng), dtype=np.float64)


def stacked(elements: Sequence[Element]) -> Element:
    """The elements of a nested group from those of its outer units."""
    if all(element.dtype.kind == "i" for element in elements):
        return np.array(elements, dtype=np.int64)
    return np.array(elements, dtype=np.float64)


def as_matrix(element: Element) -> NDArray[np.float64]:
    """An element as a matrix (n, n), target × source; of a stack (N, n, n)."""
    if element.dtype.kind == "i":
        return np.asarray(np.eye(element.shape[-1])[element])
    return np.asarray(element, dtype=np.float64)


def as_permutation(element: Element) -> NDArray[np.int64]:
    """An element that is a permutation. Raises TypeError if it is a matrix."""
    if element.dtype.kind != "i":
        raise TypeError("this element is a matrix, not a permutation")
    return np.asarray(element, dtype=np.int64)


def inverse_transpose(element: Element) -> Element:
    """G⁻ᵀ: what moves the units where they are read. A permutation is its own."""
    if element.dtype.kind == "i":
        return element
    matrix = np.asarray(element, dtype=np.float64)
    if is_monomial(matrix):
        return np.divide(1.0, matrix, out=np.zeros_like(matrix), where=matrix != 0)
    return np.asarray(np.linalg.inv(matrix).swapaxes(-1, -2), dtype=np.float64)


def is_monomial(element: Element) -> bool:
    """Whether a matrix has one entry in every row and column, or every one of a stack has."""
    there = element != 0
    return bool((there.sum(-1) == 1).all() and (there.sum(-2) == 1).all())


def condition(element: Element) -> float:
    """The largest factor by which rounding may grow: the condition number of a matrix, 1 of a permutation."""
    if element.dtype.kind == "i":
        return 1.0
    if is_monomial(element):  # of any size at once, where singular values of thousands of units take minutes
        sizes = np.abs(element).max(-1)
        return float(np.max(sizes.max(-1) / sizes.min(-1)))
    return float(np.max(np.linalg.cond(element)))


def _moving(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    while True:
        perm = rng.permutation(n)
        if n == 1 or (perm != np.arange(n)).any():
            return perm


def _orthogonal(n: int, rng: np.random.Generator, first: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Haar-distributed, or with a first column along a given direction."""
    drawn = rng.standard_normal((n, n))
    if first is not None:
        drawn[:, 0] = first
    q, r = np.linalg.qr(drawn)
    return np.asarray(q * np.sign(np.diag(r)), dtype=np.float64)
