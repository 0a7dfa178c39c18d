"""The objective of weight methods, its gradient for one group at a time, and the steps that never make it worse."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost, Perms, blocks
from lmc_core.alignment.terms import Term, _real
from lmc_core.alignment.views import children, gram, views
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Group, groups_in
from lmc_core.symmetry.symmetry import Symmetry


class Objective:
    """F(P) = Σ over terms of <A, T(B, P)> (Ainsworth 2022, eq. 2), or its layer-wise and Σ-weighted forms.

    still       tensor name → B in its first order, only those that the terms need
    blocks      what is solved at once, those that a term judges
    quadratic   names of blocks that meet themselves in one tensor: a best linear step may then not be an improvement
    """

    def __init__(self, moved: Network, symmetry: Symmetry, terms: tuple[Term, ...]) -> None:
        self.symmetry = symmetry
        self.terms = terms
        self.still = {name: _real(moved.state[name]) for term in terms for name in term.targets}
        self.blocks = tuple(b for b in blocks(symmetry) if any(set(b.names) & t.owners for t in terms))
        self.judges = {b.name: [i for i, t in enumerate(terms) if set(b.names) & t.owners] for b in self.blocks}
        self.quadratic = frozenset(b.name for b in self.blocks if self._meets_itself(b))

    def tensors(self, block: Block) -> list[str]:
        """Names of the tensors that move with a block."""
        return [
            name
            for name in self.still
            if any(group.name in block.names for axis in self.symmetry.axes[name] for group in groups_in(axis))
        ]

    def neighbours(self, block: Block) -> frozenset[str]:
        """Names of the blocks whose cost changes when this one moves (itself, if it is quadratic)."""
        moving = set(self.tensors(block))
        return frozenset(
            other.name
            for other in self.blocks
            if (other.name != block.name or block.name in self.quadratic)
            and any(moving & set(self.terms[i].targets) for i in self.judges[other.name])
        )

    def tolerance(self, block: Block) -> float:
        """The smallest change of a block's terms that is more than rounding in the type of the tensors."""
        scale = sum(self.terms[i].scale(self.still) for i in self.judges[block.name])
        return 4 * scale * max(torch.finfo(x.dtype).eps for x in self.still.values())

    def _meets_itself(self, block: Block) -> bool:
        return any(
            sum(any(group.name == block.name for group in groups_in(axis)) for axis in self.symmetry.axes[name]) > 1
            for i in self.judges[block.name]
            for name in self.terms[i].targets
        )


class Position:
    """B at some order of its units: the permutations, the moved tensors and the value of every term."""

    def __init__(self, objective: Objective, perms: Mapping[str, NDArray[np.int64]]) -> None:
        self.objective = objective
        self.perms: Perms = dict(perms)
        self.moved = {name: self._gather(name, self.perms) for name in objective.still}
        self.values = [term.value(self.moved, objective.still) for term in objective.terms]

    @property
    def total(self) -> float:
        return fsum(self.values)

    def cost(self, block: Block) -> BlockCost:
        """Gradient of the block's terms with respect to its coupling, in the order of B's units.

        Every tensor is taken with all groups in their current order; its Gram matrix with the reference along each
        axis that carries the block, all other axes contracted, has columns in the current order: they are put back.
        """
        n = block.outer.size
        total = {g.name: torch.zeros(n, g.size, n, g.size, dtype=torch.float64) for g in block.inner}
        total[block.name] = torch.zeros(n, n, dtype=torch.float64)
        for i in self.objective.judges[block.name]:
            term = self.objective.terms[i]
            for name in term.targets:
                for part, found in self._grams(term, name, block):
                    total[part] += found.double().cpu()
        perm, here = self.perms[block.name], np.arange(n)
        back = {block.name: np.empty((n, n))}
        back[block.name][:, perm] = total.pop(block.name).numpy()
        for name, gathered in total.items():
            back[name] = np.empty(gathered.shape)
            nested = self.perms[name]
            for place in here:  # column (place, l) holds unit nested[place][l] of the source's outer unit perm[place]
                back[name][:, :, perm[place], nested[place]] = gathered[:, :, place].numpy()
        return BlockCost(back.pop(block.name), back)

    def step(self, block: Block) -> bool:
        """Solve one block and take the solution if its terms really grow. Returns whether anything moved."""
        cost = self.cost(block)
        held = 0.0
        while True:
            perms = cost.hold(block, self.perms, held).best(block)
            if all(np.array_equal(perm, self.perms[name]) for name, perm in perms.items()):
                return False
            if self._take(block, perms):
                return True
            if block.name not in self.objective.quadratic:
                return False
            held = 2 * held or cost.scale / block.outer.size / 8

    def _take(self, block: Block, perms: Perms) -> bool:
        """Move a block to `perms` if the terms that judge it grow by more than rounding."""
        objective = self.objective
        names = objective.tensors(block)
        trial = {**self.perms, **perms}
        moved = {**self.moved, **{name: self._gather(name, trial) for name in names}}
        values = list(self.values)
        judges = objective.judges[block.name]
        for i in judges:
            values[i] = objective.terms[i].value(moved, objective.still)
        if not fsum(values[i] - self.values[i] for i in judges) > objective.tolerance(block):
            return False
        for i, term in enumerate(objective.terms):
            if i not in judges and not term.targets.keys().isdisjoint(names):
                values[i] = term.value(moved, objective.still)
        self.perms, self.moved, self.values = trial, moved, values
        return True

    def _gather(self, name: str, perms: Perms) -> Tensor:
        from lmc_core.symmetry.permute import index

        tensor = self.objective.still[name]
        for dim, axis in enumerate(self.objective.symmetry.axes[name]):
            if any(True for _ in groups_in(axis)):
                tensor = tensor.index_select(dim, torch.as_tensor(index(axis, perms), device=tensor.device))
        return tensor

    def _grams(self, term: Term, name: str, block: Block) -> list[tuple[str, Tensor]]:
        axes = self.objective.symmetry.axes[name]
        found = []
        for number, axis in enumerate(axes):
            if not any(group.name == block.name for group in groups_in(axis)):
                continue
            gradient = term.gradient(name, number, self.moved)
            pairs = zip(views(gradient, axes, [number]), views(self.moved[name], axes, [number]), strict=True)
            for (a, leaves), (b, _) in pairs:
                for dim, leaf in enumerate(leaves):
                    if not isinstance(leaf.part, Group) or leaf.part.name != block.name or leaf.axis != number:
                        continue
                    nested = children(leaves, dim)
                    if not nested:
                        found.append((block.name, gram(a, b, [dim])))
                    for inner in nested:  # several nested groups in one product share its value
                        part = leaves[inner].part
                        assert isinstance(part, Group)
                        found.append((part.name, gram(a, b, [dim, inner]) / len(nested)))
        return found
