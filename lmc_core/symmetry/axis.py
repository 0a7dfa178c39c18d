"""What the axes of tensors are made of: groups of interchangeable units, fixed positions, products and sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class Group:
    """Interchangeable units: any re-ordering, applied everywhere the group appears, leaves the function unchanged.

    name        unique in a Symmetry
    size        how many units (per index of `within`, if nested)
    within      name of the outer group if the units are re-ordered separately inside each of its units
    kind        what every operation that carries the group commutes with; today always "permutation"
    """

    name: str
    size: int
    within: str | None = None
    kind: str = "permutation"

    def __str__(self) -> str:
        return f"({self.name} within {self.within})" if self.within else self.name


@dataclass(frozen=True)
class Fixed:
    """Positions with a meaning of their own: inputs, outputs, time, pixels, vocabulary."""

    size: int

    def __str__(self) -> str:
        return str(self.size)


@dataclass(frozen=True)
class Product:
    """One axis that is several, the outer factor varying slowest: `channel·49`, `head·(qk within head)`."""

    factors: tuple[Axis, ...]

    @property
    def size(self) -> int:
        return prod(factor.size for factor in self.factors)

    def __str__(self) -> str:
        return "·".join(f"({f})" if isinstance(f, Sum) else str(f) for f in self.factors)


@dataclass(frozen=True)
class Sum:
    """One axis that is a concatenation: LSTM gates `h + h + h + h`, fused `q + k + v`."""

    parts: tuple[Axis, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def __str__(self) -> str:
        return " + ".join(str(part) for part in self.parts)


Axis = Group | Fixed | Product | Sum


def groups_in(axis: Axis) -> Iterator[Group]:
    """Every group an axis mentions, in order, repeats included."""
    match axis:
        case Group():
            yield axis
        case Product(factors):
            for factor in factors:
                yield from groups_in(factor)
        case Sum(parts):
            for part in parts:
                yield from groups_in(part)
