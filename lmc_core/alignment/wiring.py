"""Which terms of an objective judge which blocks, and what moves with these: all that follows without a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lmc_core.alignment.blocks import Block, blocks
from lmc_core.alignment.terms import Term
from lmc_core.symmetry.axis import Axis, Product, Sum, groups_in, names_in
from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Wiring:
    """Blocks, terms and tensors of one objective, and how they hang together.

    blocks       what is solved at once, those that a term judges
    judges       block name → numbers of the terms that judge it
    axes         block name → tensor name → numbers of its axes that hold units of the block
    touched      block name → numbers of the terms that change when it moves
    neighbours   block name → names of the blocks whose cost changes when it moves (itself, if it is quadratic)
    quadratic    names of blocks that meet themselves in one tensor: a best linear step may then not be an improvement
    entangled    whether any block is, or shares a product with another: a pass from input to output is then not exact
    chain        whether neither is so and every block is written once: layer after layer
    """

    blocks: tuple[Block, ...]
    judges: Mapping[str, Sequence[int]]
    axes: Mapping[str, Mapping[str, Sequence[int]]]
    touched: Mapping[str, frozenset[int]]
    neighbours: Mapping[str, frozenset[str]]
    quadratic: frozenset[str]
    entangled: bool
    chain: bool

    @classmethod
    def of(cls, symmetry: Symmetry, terms: Sequence[Term], *, classes: bool) -> Wiring:
        """Of the terms of an objective. With `classes` steps are elements of the class of each group."""
        owners = frozenset().union(*(term.owners for term in terms))
        judged = tuple(b for b in blocks(symmetry, classes=classes) if not owners.isdisjoint(b.names))
        judges = {b.name: [i for i, t in enumerate(terms) if not t.owners.isdisjoint(b.names)] for b in judged}
        tensors = {name: [names_in(axis) for axis in symmetry.axes[name]] for term in terms for name in term.targets}
        axes = {
            block: {
                name: numbers
                for name, groups in tensors.items()
                if (numbers := [m for m, names in enumerate(groups) if block in names])
            }
            for block in judges
        }
        judging = {block: {name for i in numbers for name in terms[i].targets} for block, numbers in judges.items()}
        quadratic = frozenset(b.name for b in judged if any(_meets_itself(b, tensors[n]) for n in judging[b.name]))
        shared = any(len(names) > 1 for name in tensors for names in _together(symmetry, name))
        entangled = bool(quadratic) or shared
        return cls(
            judged,
            judges,
            axes,
            {
                block: frozenset(i for i, term in enumerate(terms) if not term.targets.keys().isdisjoint(moving))
                for block, moving in axes.items()
            },
            {
                block: frozenset(
                    other
                    for other, names in judging.items()
                    if (other != block or block in quadratic) and not names.isdisjoint(moving)
                )
                for block, moving in axes.items()
            },
            quadratic,
            entangled,
            not entangled and all(_writers(symmetry, block) <= 1 for block in judged),
        )


def _meets_itself(block: Block, groups: Sequence[frozenset[str]]) -> bool:
    """Whether more than one axis of a tensor holds units of one group of a block."""
    return any(sum(own in names for names in groups) > 1 for own in block.names)


def _together(symmetry: Symmetry, name: str) -> Iterator[set[str]]:
    """Of every product that an axis of a tensor is or holds, the groups in it that lie within no other."""
    for axis in symmetry.axes[name]:
        for part in _products(axis):
            yield {g.name for g in groups_in(part) if g.within is None}


def _products(axis: Axis) -> Iterator[Product]:
    match axis:
        case Product():
            yield axis
        case Sum(parts):
            for part in parts:
                yield from _products(part)


def _writers(symmetry: Symmetry, block: Block) -> int:
    """How many weights write the units of a block: those of layers, and others of several axes, as stacked ones are."""
    uses = {(c.weight, c.write) for c in symmetry.contractions if c.weight in symmetry.axes}
    layers = {weight for weight, _ in uses}
    uses |= {
        (name, number)
        for name, number in symmetry.slots(block.name)
        if name not in layers and sum(axis.size > 1 for axis in symmetry.axes[name]) > 1
        if symmetry.roles.get((name, number)) in ("write", "both")
    }
    return sum(block.name in names_in(symmetry.axes[weight][write]) for weight, write in uses)
