"""The symmetry of one network, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lmc_core.shown import page
from lmc_core.symmetry.arrangement import Arrangement
from lmc_core.symmetry.axis import Axis, axis_text, names_in
from lmc_core.symmetry.classes import KINDS

if TYPE_CHECKING:
    from lmc_core.networks.network import Network

Role = Literal["write", "read", "both", "none"]
"""Of a tensor axis: it makes the units, it uses them, one tensor does both (tied embeddings), or neither is known."""


@dataclass(frozen=True)
class Contraction:
    """One use of a weight: the value it reads and the value it makes (a pre-activation).

    weight, bias    state names; bias is None where there is none
    kind            "linear" (x Wᵀ), "matmul" (x W), "conv", "conv-transpose", "embedding",
                    "recurrent-input" (W_ih), "recurrent-hidden" (W_hh)
    input, output   names of graph values; for recurrent kinds `output` is the sequence of hidden states, and for
                    "recurrent-hidden" `input` is that same sequence (read one step later). Both are in the order in
                    which the direction runs: the backward one reads a value that was flipped in time
    read, write     the axis of `weight` that meets `input`, and the one that becomes the feature axis of `output`
    options         of a convolution: stride, padding, dilation, output_padding, groups; of recurrence: batch_first
                    and the number of gate blocks, `gates`
    """

    weight: str
    bias: str | None
    kind: str
    input: str
    output: str
    read: int
    write: int
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Pinned:
    """An axis, or a part of one, that must not move, and why."""

    tensor: str
    axis: int
    size: int
    why: str


@dataclass(frozen=True)
class Symmetry(Arrangement):
    """Groups of interchangeable units, where each of them sits, and what else the trace tells of them.

    groups        name → Group, in the order in which the network first writes them
    axes          state name → one axis expression per tensor axis
    roles         (state name, axis number) → role
    values        graph value → its axes: which activations carry which group; values whose units move separately at
                  each position of another axis are left out, as no axis expression says that
    reads         group name → ((graph value, axis number), …): the activations that later weights read; what
                  activation methods compare
    contractions  every use of a weight, in order
    pinned        axes that do not move, with the reason
    unknown_ops   operations without a rule; their axes are pinned
    unused        state names the graph never reads
    error         relative output change measured by `verify` at inference; None before it ran
    held          state names that multiply units one by one and whose entries are all equal: part of that operation,
                  they do not move
    notes         sentences on what the groups hold for, and on classes that an experiment has lowered
    element_error   relative output change when all groups move at once by random elements of their classes; None where
                  none is above permutation, or before it ran
    """

    roles: Mapping[tuple[str, int], Role]
    values: Mapping[str, tuple[Axis, ...]] = field(default_factory=dict)
    reads: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    contractions: tuple[Contraction, ...] = ()
    pinned: tuple[Pinned, ...] = ()
    unknown_ops: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    error: float | None = None
    held: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    element_error: float | None = None

    def verify(self, network: Network) -> float:
        """The relative error max |Δ| / max |output| when every group is permuted at random at once."""
        from lmc_core.symmetry.verify import verify

        return verify(network, self, groups=False).error

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return page(self)

    def table(self) -> str:
        """One line per tensor, such as `fc2.weight (fc2:20, fc1)`; `symmetry.declare` reads the same text.

        The size of a group stands where it is first named. A role is written before an axis that carries a group unless
        it is the usual one: the first axis writes, the second reads. Classes above permutation stand at the end, and
        what moves with branches: families of tensors, one per branch, and axes along which their parts lie.
        """
        lines = []
        sized: set[str] = set()
        for name, axes in self.axes.items():
            written = []
            for number, axis in enumerate(axes):
                role = self.roles.get((name, number), "none")
                usual = role == usual_role(number) or not names_in(axis)
                text = axis_text(axis, sized)
                written.append(text if usual else f"{role} {text}")
            lines.append(f"{name} ({', '.join(written)})")
        for kind in KINDS:
            named = [group.name for group in self.groups.values() if group.kind == kind != "permutation"]
            lines += [f"{kind}: {', '.join(named)}"] if named else []
        for name, branches in self.branches.items():
            lines += [f"whole {name}: {', '.join(family)}" for family in branches.tensors]
            lines += [
                f"along {name}: {tensor} {number} {axis_text(axis)}"
                for (tensor, number), axis in branches.axes.items()
                if name not in names_in(self.axes[tensor][number])
            ]
        return "\n".join(lines)


def usual_role(axis: int) -> Role:
    """What an axis of a weight, bias or norm does unless something else is said."""
    return "write" if axis == 0 else "read" if axis == 1 else "none"
