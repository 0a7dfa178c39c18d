"""Plans found group after group, from input to output, by how far the units of two networks are from each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost, blocks
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.moments import CrossMoment
from lmc_core.alignment.plans import Solver, coupling, nested_coupling
from lmc_core.alignment.schedule import Outcome
from lmc_core.alignment.terms import entering_terms
from lmc_core.alignment.transport import Maps, carry, roles
from lmc_core.alignment.views import Leaf, children, gram, views
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Axis, Fixed, Group, groups_in
from lmc_core.symmetry.permute import identity
from lmc_core.symmetry.symmetry import Symmetry

Couplings = dict[str, Coupling]
Array = NDArray[np.float64]
Costs = Callable[[Block, Mapping[str, Coupling]], "Far | None"]
"""The distances for one block, once the groups before it are coupled; None where nothing tells its units apart."""


@dataclass(frozen=True, eq=False)
class Far:
    """Squared distances between the units of a block, target × source: outer (N, N), nested (N, n, N, n)."""

    outer: Array
    inner: Mapping[str, Array]

    def root(self) -> Far:
        """Distances that are not squared."""
        return Far(np.sqrt(self.outer), {name: np.sqrt(cost) for name, cost in self.inner.items()})

    def plus(self, other: Far, factor: float) -> Far:
        inner = {name: cost + factor * other.inner[name] for name, cost in self.inner.items()}
        return Far(self.outer + factor * other.outer, inner)

    @property
    def largest(self) -> float:
        return max(float(x.max(initial=0.0)) for x in (self.outer, *self.inner.values()))

    def solved(self, block: Block, solver: Solver) -> Couplings:
        """The cheapest plan of the outer units, with the cheapest inside each pair of them."""
        plan, nested = solver.nested(self.outer, self.inner)
        found = {block.name: coupling(block.name, plan)}
        return found | {name: nested_coupling(name, plans, found[block.name]) for name, plans in nested.items()}

    def total(self, block: Block, found: Mapping[str, Coupling], solver: Solver) -> float:
        """What a plan costs per unit moved, n <P, C>, less the entropy that soft plans are rewarded for."""
        plan = found[block.name].matrix
        value = _cost(plan, self.outer, solver)  # n <P, C>: a permutation costs the sum over its units
        for name, cost in self.inner.items():
            plans = _pairs(found[name], found[block.name])
            for i, j in zip(*np.nonzero(plan > 1e-12), strict=True):
                value += float(plan[i, j]) * len(plan) * _cost(plans[i, j], cost[i, :, j, :], solver)
        return value


def _cost(plan: Array, cost: Array, solver: Solver) -> float:
    value = float((plan * cost).sum())
    if solver.kind == "sinkhorn":
        positive = plan[plan > 0]
        value += solver.epsilon * float(cost.max() - cost.min()) * float((positive * np.log(positive)).sum())
    return value * len(plan)


def _pairs(inner: Coupling, outer: Coupling) -> Array:
    """(N, N, n, n): a plan for every pair of outer units; a hard one stands where its outer unit comes from."""
    if inner.perm is None:
        return inner.matrix
    rows, n = inner.perm.shape
    plans = np.zeros((rows, rows, n, n))
    plans[:] = (np.eye(n)[inner.perm] / n)[:, None]
    return plans


def one_pass(
    symmetry: Symmetry, costs: Costs, solver: Solver, *, harden: bool = False, report: Report = silent
) -> Outcome:
    """One optimal transport problem per group, each seeing the ones before it as they were solved (Singh 2020).

    harden   round every plan to a permutation as soon as it is found

    The objective shown is minus the sum of all costs; a pass that ends worse than leaving all units is not kept.
    """
    stay: Couplings = {name: Coupling(name, perm=perm) for name, perm in identity(symmetry).items()}
    found: Couplings = {}
    chosen = blocks(symmetry)
    naive = reached = 0.0
    for done, block in enumerate(chosen):
        report("transporting units", done, len(chosen))
        far, before = costs(block, found), costs(block, {name: stay[name] for name in found})
        if far is None or before is None:
            continue
        plans = far.solved(block, solver)
        if harden:
            plans = hardened(block, plans)
        hard = all(c.is_hard for c in plans.values())
        judge = Solver() if hard else solver
        found |= plans
        reached -= far.total(block, plans, judge)
        naive -= before.total(block, stay, judge)
    if reached < naive:
        note = "the plans cost more than leaving all units in place, so they stay"
        return Outcome(stay, (naive,), (naive,), True, (note,))
    return Outcome({**stay, **found}, (naive, reached), (reached,), True)


def hardened(block: Block, plans: Mapping[str, Coupling]) -> Couplings:
    """The permutations that keep most of the mass of the plans of a block."""
    if all(c.is_hard for c in plans.values()):
        return dict(plans)
    outer = plans[block.name].matrix
    inner = {
        g.name: (outer[:, :, None, None] * _pairs(plans[g.name], plans[block.name])).transpose(0, 2, 1, 3)
        for g in block.inner
    }
    perms = BlockCost(np.zeros_like(outer) if inner else outer, inner).best(block)
    return {name: Coupling(name, perm=perm) for name, perm in perms.items()}


def weight_costs(reference: Network, moved: Network, symmetry: Symmetry) -> Costs:
    """Squared distances of the weights that enter a block, B's inputs carried by the plans before it.

    Where a block is written by several tensors only those count whose other groups have been coupled, as the first of
    the layers that write a residual stream; a recurrent tensor, which reads the block itself, only if it is alone.
    """
    entering: dict[str, list[str]] = {}
    for term in entering_terms(reference, symmetry):
        for block in blocks(symmetry):
            if set(block.names) & term.owners:
                entering.setdefault(block.name, []).extend(term.targets)

    def costs(block: Block, known: Mapping[str, Coupling]) -> Far | None:
        names = entering.get(block.name, [])
        ready = [name for name in names if _others(symmetry, name, block) <= set(known)]
        others = [name for name in ready if len(_places(symmetry, name, block)) == 1] or ready or names
        maps = _maps(known, reference.device)
        far = _nothing(block)
        for name in others:
            far = far.plus(_distance(reference.state[name], moved.state[name], name, symmetry, block, maps), 1.0)
        return far if others else None

    return costs


def response_costs(symmetry: Symmetry, moments: Mapping[str, tuple[CrossMoment, ...]], ties: Costs) -> Costs:
    """Mean squared differences of the responses of units to the same examples; units alike in them go by `ties`."""

    def costs(block: Block, known: Mapping[str, Coupling]) -> Far | None:
        far, second = _nothing(block), ties(block, known)
        shapes = {block.name: far.outer.shape, **{name: cost.shape for name, cost in far.inner.items()}}
        for name, shape in shapes.items():
            for moment in moments.get(name, ()):
                square = moment.power[:, None] + moment.power_moved - 2 * moment.second
                cost = square.clamp(min=0).cpu().numpy().reshape(shape)
                far = (
                    Far(far.outer + cost, far.inner)
                    if name == block.name
                    else Far(far.outer, {**far.inner, name: far.inner[name] + cost})
                )
        if second is None or not second.largest:
            return far
        return far.plus(second, 1e-6 * (far.largest or 1.0) / second.largest)

    return costs


def _places(symmetry: Symmetry, name: str, block: Block) -> list[int]:
    axes = symmetry.axes[name]
    return [n for n, axis in enumerate(axes) if any(g.name == block.name for g in groups_in(axis))]


def _others(symmetry: Symmetry, name: str, block: Block) -> set[str]:
    return {g.name for axis in symmetry.axes[name] for g in groups_in(axis)} - set(block.names)


def _maps(known: Mapping[str, Coupling], device: torch.device) -> Maps:
    return {
        (name, role): torch.as_tensor(matrix, device=device)
        for name, found in known.items()
        for role, matrix in zip(("write", "read"), found.matrices, strict=True)
    }


def _nothing(block: Block) -> Far:
    n = block.outer.size
    return Far(np.zeros((n, n)), {g.name: np.zeros((n, g.size, n, g.size)) for g in block.inner})


def _distance(a: Tensor, b: Tensor, name: str, symmetry: Symmetry, block: Block, maps: Maps) -> Far:
    """‖A_j − B_k‖² over one tensor, B carried along every axis but the one on which the block is written."""
    axes, far = symmetry.axes[name], _nothing(block)
    number = _places(symmetry, name, block)[0]
    held = [Fixed(axis.size) if n == number or not _known(axis, maps) else axis for n, axis in enumerate(axes)]
    a, b = a.double(), carry(b.double(), held, roles(symmetry, name), maps)
    for (x, leaves), (y, _) in zip(*(views(z, axes, range(len(axes))) for z in (a, b)), strict=True):
        for dim, leaf in enumerate(leaves):
            if not isinstance(leaf.part, Group) or leaf.part.name != block.name or leaf.axis != number:
                continue
            nested = children(leaves, dim)
            for keep in [[dim, inner] for inner in nested] or [[dim]]:
                rest = [d for d in range(x.ndim) if d not in keep]
                left, right = _beside(x, y, leaves, number, rest, maps)
                mine, theirs = (((z * z).sum(rest) if rest else z * z) for z in (left, right))
                square = mine[(..., *(None,) * len(keep))] + theirs - 2 * gram(left, right, keep)
                cost = square.clamp(min=0).cpu().numpy() / max(1, len(nested))
                group = leaves[keep[-1]].part
                assert isinstance(group, Group)
                inner = {n: c + cost if n == group.name else c for n, c in far.inner.items()}
                far = Far(far.outer + cost if len(keep) == 1 else far.outer, inner)
    return far


def _beside(
    x: Tensor, y: Tensor, leaves: Sequence[Leaf], number: int, dims: Sequence[int], maps: Maps
) -> tuple[Tensor, Tensor]:
    """Other groups of a tensor: B's units in order where they are known, else the units of both networks summed."""
    for dim in dims:
        leaf = leaves[dim]
        if not isinstance(leaf.part, Group):
            continue
        known = (leaf.part.name, "write") in maps
        if not known or (leaf.axis == number and leaf.part.within is not None):
            x, y = (z.sum(dim, keepdim=True) for z in (x, y))
        elif leaf.axis == number:
            y = torch.tensordot(y, maps[leaf.part.name, "write"], dims=([dim], [1])).movedim(-1, dim)
    return x, y


def _known(axis: Axis, maps: Maps) -> bool:
    return all((group.name, "read") in maps for group in groups_in(axis))
