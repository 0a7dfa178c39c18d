"""What the axes of tensors are made of: groups of interchangeable units, fixed positions, products and sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from lmc_core.operators import Kind


@dataclass(frozen=True)
class Group:
    """Units that can be moved, everywhere the group appears at once, without any change of the function.

    name        unique in a Symmetry
    size        how many units (per index of `within`, if nested)
    within      name of the outer group if the units are re-ordered separately inside each of its units: those that
                stand before it in a product, or that are another axis of the same tensor
    kind        the class of matrices G that may move them (`symmetry/classes.py`); each holds all re-orderings
    dual        of one appearance in an axis: where that axis makes units it moves by G⁻ᵀ, where it uses them by G, the
                other way round than usual: of q·k, whose units are made twice, one is dual
    """

    name: str
    size: int
    within: str | None = None
    kind: Kind = "permutation"
    dual: bool = False

    def __str__(self) -> str:
        return axis_text(self)


@dataclass(frozen=True)
class Fixed:
    """Positions with a meaning of their own: inputs, outputs, time, pixels, vocabulary."""

    size: int

    def __str__(self) -> str:
        return axis_text(self)


@dataclass(frozen=True)
class Product:
    """One axis that is several, the outer factor varying slowest: `channel·49`, `head·(qk within head)`."""

    factors: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """The product of the sizes of its factors."""
        return prod(factor.size for factor in self.factors)

    def __str__(self) -> str:
        return axis_text(self)


@dataclass(frozen=True)
class Sum:
    """One axis that is a concatenation: LSTM gates `h + h + h + h`, fused `q + k + v`."""

    parts: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """The sum of the sizes of its parts."""
        return sum(part.size for part in self.parts)

    def __str__(self) -> str:
        return axis_text(self)


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


def names_in(*axes: Axis) -> frozenset[str]:
    """Names of the groups that axes mention."""
    return frozenset(group.name for axis in axes for group in groups_in(axis))


def holders(axes: Sequence[Axis], number: int) -> tuple[int, ...]:
    """Numbers of the other axes of a tensor that are the units within which those of one axis lie, the outermost first.

    Of a tensor (experts, inputs, hidden units within experts) axis 0 holds axis 2.
    """
    inside = {group.within for group in groups_in(axes[number]) if group.within is not None}
    if not inside:
        return ()
    inside -= names_in(axes[number])
    found: tuple[int, ...] = ()
    for at, axis in enumerate(axes):
        if at != number and isinstance(axis, Group) and axis.name in inside:
            found += tuple(k for k in (*holders(axes, at), at) if k not in found)
    return found


def joint(axes: Sequence[Axis], number: int) -> tuple[tuple[int, ...], Axis]:
    """An axis of a tensor behind those that hold its units, as one axis in which they are told apart: (which, what)."""
    dims = (*holders(axes, number), number)
    return dims, Product(tuple(axes[k] for k in dims)) if len(dims) > 1 else axes[number]


def held_by(axes: Sequence[Axis], number: int) -> tuple[int, ...]:
    """Numbers of the other axes of a tensor whose units lie within those of one axis."""
    return tuple(k for k in range(len(axes)) if k != number and number in holders(axes, k))


def axis_text(axis: Axis, sized: set[str] | None = None) -> str:
    """An axis as a pattern: `channel·49`, `head·(qk within head)`, `h + h + h + h`; a star follows a dual.

    sized   names of groups whose size was written before; with a set, the first mention of a group says its size
    """
    match axis:
        case Fixed(size):
            return str(size)
        case Group(name, size, within):
            known = sized is None or name in sized
            text = (name if known else f"{name}:{size}") + "*" * axis.dual
            if sized is not None:
                sized.add(name)
            return f"({text} within {within})" if within else text
        case Product(factors):
            return "·".join(f"({axis_text(f, sized)})" if isinstance(f, Sum) else axis_text(f, sized) for f in factors)
        case Sum(parts):
            return " + ".join(axis_text(part, sized) for part in parts)
