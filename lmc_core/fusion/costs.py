"""How far the units of a model are from those of a template: squared differences of weights or of responses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import Block
from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.plans import Solver, coupling, nested_coupling
from lmc_core.alignment.stream import activations, batch_size
from lmc_core.alignment.views import Leaf, children, gram, views
from lmc_core.fusion.merge import Couplings, FusionProblem, Model, carried, touched
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.symmetry import Symmetry

TIE = 1e-6  # share of a second cost where the first one cannot tell units apart
PLACES = 20_000  # responses compared per unit: examples times places of an image or steps of a sequence

Array = NDArray[np.float64]
Slot = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Distance:
    """Squared distances between the units of a block, template × model, to be small.

    outer    (M, N) of the outer units themselves
    inner    nested group → (M, m, N, n) of its units within every pair of outer units
    """

    outer: Array
    inner: Mapping[str, Array]

    def plus(self, other: Distance, factor: float = 1.0) -> Distance:
        """The sum of both, the other times a factor."""
        inner = {name: cost + factor * other.inner[name] for name, cost in self.inner.items()}
        return Distance(self.outer + factor * other.outer, inner)

    def root(self) -> Distance:
        """Distances that are not squared."""
        return Distance(np.sqrt(self.outer), {name: np.sqrt(cost) for name, cost in self.inner.items()})

    def plan(self, block: Block, solver: Solver) -> dict[str, Coupling]:
        """The cheapest coupling of every group of the block."""
        outer, inner = solver.nested(self.outer, self.inner)
        found = {block.name: coupling(block.name, outer)}
        return found | {name: nested_coupling(name, plan, found[block.name]) for name, plan in inner.items()}

    def total(self, block: Block, found: Couplings) -> float:
        """<P, cost>, plans within plans included."""
        outer = found[block.name].matrix
        value = float((outer * self.outer).sum())
        for name, cost in self.inner.items():
            write = found[name].matrices[0]  # (M, N, m, n), rows sum to 1
            value += float(np.einsum("ij,ijkl,ikjl->", outer, write, cost))
        return value


def tie_broken(cost: Distance, by: Distance) -> Distance:
    """A cost in which units that it cannot tell apart, such as those that never respond, go by another one."""
    size, other = (max(float(x.max(initial=0.0)) for x in (d.outer, *d.inner.values())) for d in (cost, by))
    return cost.plus(by, TIE * size / other) if other > 0 and size > 0 else cost.plus(by, TIE)


def zero(block: Block, target: Symmetry, model: Symmetry) -> Distance:
    """No distance, in the sizes of a template and a model."""
    m, n = (s.groups[block.name].size for s in (target, model))
    shapes = {g.name: (m, target.groups[g.name].size, n, model.groups[g.name].size) for g in block.inner}
    return Distance(np.zeros((m, n)), {name: np.zeros(shape) for name, shape in shapes.items()})


def entering(problem: FusionProblem, block: Block, known: set[str]) -> tuple[list[Slot], list[Slot]]:
    """(tensor, axis) where a block is written: by groups that are `known`, and by itself (recurrent weights).

    Where a residual stream is written by several layers, only those count whose inputs have been coupled (the `pre`
    policy of Akash 2022); if none has, all of them.
    """
    symmetry = problem.symmetry
    outside: list[Slot] = []
    itself: list[Slot] = []
    late: list[Slot] = []
    for name in problem.parameters():
        axes = symmetry.axes[name]
        for number, axis in enumerate(axes):
            if block.name not in touched([axis]) or symmetry.roles.get((name, number)) == "read":
                continue
            others = touched([a for n, a in enumerate(axes) if n != number])
            if block.name in others and others <= known | set(block.names):
                itself.append((name, number))
            elif block.name not in others and others <= known:
                outside.append((name, number))
            else:
                late.append((name, number))
    return (outside, itself) if outside or itself else (late, [])


def distance(
    problem: FusionProblem,
    block: Block,
    model: Model,
    target: Mapping[str, Tensor],
    couplings: Couplings,
    slots: Sequence[Slot],
    *,
    unknown: Collection[str] = (),
    spread: bool = True,
) -> Distance:
    """C_jk = Σ_pq (W_jp − W^i_kq)² π_pq (Akash 2022), by two matrix products per tensor, summed over tensors.

    The sum runs over the positions p of the template with π_pq ↦ k π_pq, so that a bias counts as one more input with
    the identity for its coupling, and permutations give squared distances of weight vectors.

    unknown   groups in no known order yet: where they share the axis of the block, their units are summed
    spread    False leaves out the variance of a source within its coupling: (W_jp − Σ_q k π_pq W^i_kq)² (Singh 2020)
    """
    found = zero(block, problem.symmetry, model.symmetry)
    for name, number in slots:
        axes = problem.symmetry.axes[name]
        mixed = [model.symmetry.axes[name][n] if n == number else axis for n, axis in enumerate(axes)]
        a, axis = _summed(target[name].double(), number, axes[number], unknown)
        axes = tuple(axis if n == number else other for n, other in enumerate(axes))
        weight, mixed[number] = _summed(model.state[name].double(), number, mixed[number], unknown)

        def there(x: Tensor, name: str = name, number: int = number, own: Axis = mixed[number]) -> Tensor:
            others = [Fixed(own.size) if n == number else z for n, z in enumerate(model.symmetry.axes[name])]
            return _beside(carried(x, others, model.symmetry, couplings), own, model, number, block, couplings)

        b = there(weight)
        squares = there(weight * weight) if spread else b * b
        pairs = zip(*(views(x, form, [number]) for x, form in ((a, axes), (b, mixed), (squares, mixed))), strict=True)
        for (x, leaves), (y, _), (yy, _) in pairs:
            for dim, keep in _kept(leaves, number, block):
                group = leaves[keep[-1]].part
                assert isinstance(group, Group)
                rest = [d for d in range(x.ndim) if d not in keep]
                mine, theirs = ((z.sum(rest) if rest else z).cpu().numpy() for z in (x * x, yy))
                cross = gram(x, y, keep).cpu().numpy()
                shape = (..., *(None,) * len(keep))
                total = np.maximum(mine[shape] + theirs - 2 * cross, 0.0)
                if keep == [dim]:
                    found = found.plus(Distance(total, {n: np.zeros_like(c) for n, c in found.inner.items()}))
                else:
                    others = {n: np.zeros_like(c) for n, c in found.inner.items()}
                    share = len(children(leaves, dim))
                    found = found.plus(Distance(np.zeros_like(found.outer), {**others, group.name: total / share}))
    return found


def _summed(x: Tensor, dim: int, axis: Axis, unknown: Collection[str]) -> tuple[Tensor, Axis]:
    """One axis of a tensor with the units of unknown groups summed, and what that axis is then."""
    match axis:
        case Group(name) if name in unknown:
            return x.sum(dim, keepdim=True), Fixed(1)
        case Product(factors) if touched(factors) & set(unknown):
            x = x.unflatten(dim, [factor.size for factor in factors])
            left = []
            for n, factor in enumerate(factors):
                x, rest = _summed(x, dim + n, factor, unknown)
                left.append(rest)
            return x.flatten(dim, dim + len(factors) - 1), Product(tuple(left))
        case Sum(parts) if touched(parts) & set(unknown):
            blocks = x.split([part.size for part in parts], dim)
            pieces = [_summed(y, dim, part, unknown) for y, part in zip(blocks, parts, strict=True)]
            return torch.cat([y for y, _ in pieces], dim), Sum(tuple(part for _, part in pieces))
    return x, axis


def _beside(x: Tensor, axis: Axis, model: Model, number: int, block: Block, couplings: Couplings) -> Tensor:
    """Groups that share the axis of a block without being nested in it (`group·channel`), in the template's order."""
    others = touched([axis]) - set(block.names)
    if not others or not all(couplings[g].is_hard for g in others):
        return x
    still = {g: Coupling(g, perm=perm) for g, perm in block.identity().items()}
    axes = [axis if n == number else Fixed(size) for n, size in enumerate(x.shape)]
    return carried(x, axes, model.symmetry, {**couplings, **still})


def _kept(leaves: Sequence[Leaf], number: int, block: Block) -> Iterator[tuple[int, list[int]]]:
    """Dimensions that hold the units of a block in one view: its own, with those of each nested group."""
    for dim, leaf in enumerate(leaves):
        if not isinstance(leaf.part, Group) or leaf.part.name != block.name or leaf.axis != number:
            continue
        nested = children(leaves, dim)
        yield from ((dim, [dim, inner]) for inner in nested)
        if not nested:
            yield dim, [dim]


def responses(network: Network, symmetry: Symmetry, x: NDArray[np.generic], block: Block) -> dict[str, list[Tensor]]:
    """What the units of a block answer to examples, at every activation that later weights read.

    Returns group → [(n, samples)], nested group → [(N, n, samples)]; other groups on the way are averaged.
    """
    where = {place for name in block.names for place in symmetry.reads.get(name, ())}
    watch = sorted({value for value, _ in where})
    found: dict[tuple[str, str, int, int], list[Tensor]] = {}
    for values in activations(network, x, watch, batch_size(network, len(x))):
        for value in watch:
            axes = symmetry.values[value]
            apart = [n for n, axis in enumerate(axes) if any(True for _ in groups_in(axis))]
            for part, (y, leaves) in enumerate(views(values[value], axes, apart)):
                for keep in [keep for number in apart for _, keep in _kept(leaves, number, block)]:
                    group = leaves[keep[-1]].part
                    if not isinstance(group, Group) or not any((value, leaves[k].axis) in where for k in keep):
                        continue
                    others = [d for d, leaf in enumerate(leaves) if d not in keep and isinstance(leaf.part, Group)]
                    z = y.mean(others, keepdim=True) if others else y
                    z = z.permute(*keep, *(d for d in range(z.ndim) if d not in keep)).flatten(len(keep))
                    found.setdefault((group.name, value, part, keep[-1]), []).append(z.double())
    gathered: dict[str, list[Tensor]] = {}
    for (name, *_), batches in found.items():
        every = torch.cat(batches, -1)
        step = max(1, -(-every.shape[-1] // PLACES))
        gathered.setdefault(name, []).append(every[..., ::step])
    return gathered


def response_distance(
    block: Block, target: Mapping[str, list[Tensor]], model: Mapping[str, list[Tensor]], start: Distance
) -> Distance:
    """‖a_j − a^i_k‖² over samples, per unit pair; `start` says the sizes."""
    outer, inner = start.outer, dict(start.inner)
    for name in block.names:
        for x, y in zip(target.get(name, ()), model.get(name, ()), strict=True):
            keep = list(range(x.ndim - 1))
            cross = gram(x, y, keep).cpu().numpy()
            mine, theirs = ((z * z).sum(-1).cpu().numpy() for z in (x, y))
            total = np.maximum(mine[(..., *(None,) * len(keep))] + theirs - 2 * cross, 0.0)
            if name == block.name:
                outer = outer + total
            else:
                inner[name] = inner[name] + total
    return Distance(outer, inner)
