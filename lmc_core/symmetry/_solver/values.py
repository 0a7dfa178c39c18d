"""What the interpreter knows of a value in the graph: its axes, and which tensors of the state its axes come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from lmc_core.symmetry._solver.terms import Term, find


class Slot(NamedTuple):
    """An axis of a tensor of the state."""

    tensor: str
    axis: int


Slots = tuple[Slot, ...]


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor in the graph.

    axes    one term per axis
    slots   per axis: the state axes it re-arranges; empty once an input has been mixed in
    name    of the graph node
    data    whether it depends on the network's inputs
    whole   the state tensor it is, unchanged but for the order of its axes; None otherwise
    known   its numbers, where neither the state nor an input has a part in them; None otherwise
    points  the axis whose positions its whole numbers name, as those of argmax do; None otherwise
    square  whether it holds the squares of units: their sum is what a rotation keeps
    """

    axes: tuple[Term, ...]
    slots: tuple[Slots, ...] = ()
    name: str = ""
    data: bool = True
    whole: str | None = None
    known: Tensor | None = None
    points: Term | None = None
    square: bool = False

    def __post_init__(self) -> None:
        if not self.slots:
            object.__setattr__(self, "slots", ((),) * len(self.axes))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def ndim(self) -> int:
        return len(self.axes)

    def axis(self, number: int) -> Term:
        return find(self.axes[number])

    def own(self, number: int) -> int | None:
        """The axis of the `whole` tensor that axis `number` is."""
        return self.slots[number][0].axis if self.whole is not None and self.slots[number] else None

    def arranged(self, order: Sequence[int]) -> Value:
        """The axes in another order."""
        return Value(
            tuple(self.axes[k] for k in order),
            tuple(self.slots[k] for k in order),
            data=self.data,
            whole=self.whole,
        )


@dataclass(frozen=True)
class Use:
    """One use of a weight, before axes are frozen: the fields of `Contraction`."""

    weight: str
    bias: str | None
    kind: str
    input: str
    output: str
    read: int
    write: int
    options: dict[str, Any] = field(default_factory=dict)


def merged(slots: Iterable[Slots]) -> Slots:
    """All slots once, in order."""
    return tuple(dict.fromkeys(slot for some in slots for slot in some))
