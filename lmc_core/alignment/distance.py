"""How far the units of a model are from those of a template: squared differences of weights or of responses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost
from lmc_core.alignment.coupling import Coupling, Couplings, hard
from lmc_core.alignment.meetings import gram, met
from lmc_core.alignment.moments import cross_costs, cross_moments
from lmc_core.alignment.problem import Model, Problem, State
from lmc_core.alignment.responses import responses
from lmc_core.alignment.transport import to_template
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, held_by, names_in
from lmc_core.symmetry.permute import identity

Slot = tuple[str, int]
"""A tensor and the number of one of its axes."""

Distance = Callable[[Problem, Block, Model, State, Couplings], BlockCost | None]
"""(problem, block, model, numbers of the template, couplings so far) → how far the units of the block are from those of
the template, to be small; None where nothing tells them apart."""


def by_weights(*, spread: bool = True, biases: bool = True) -> Distance:
    """By the weights that enter a layer, from groups coupled already."""

    def measure(problem: Problem, block: Block, model: Model, target: State, known: Couplings) -> BlockCost | None:
        outside, itself = entering(problem, block, set(known), biases=biases)
        if not outside and not itself:
            return None
        waiting = unsolved(problem, model, known)
        everything, unknown = {**waiting, **known}, waiting.keys() - set(block.names)
        return distance(problem, block, model, target, everything, outside or itself, unknown=unknown, spread=spread)

    return measure


def by_responses(x: NDArray[np.generic], ties: Distance) -> Distance:
    """By what the units answer to examples; those alike in it, such as those that never respond, go by `ties`."""
    measured: dict[tuple[int, str], Mapping[str, list[Tensor]]] = {}

    def measure(problem: Problem, block: Block, model: Model, target: State, known: Couplings) -> BlockCost:
        key = (id(model), block.name)
        if key not in measured:
            measured[key] = responses(model.network, model.symmetry, x, block.names)
        mine = responses(problem.template.network(target), problem.symmetry, x, block.names)
        cost = response_distance(block, mine, measured[key], model)
        second = ties(problem, block, model, target, known)
        return cost if second is None else cost.tied(second)

    return measure


def by_moments(problem: Problem, examples: int, ties: Distance) -> Distance:
    """By mean squared differences of the responses of a pair to the same examples; units alike in them go by `ties`."""
    a, b, symmetry = problem.reference, problem.moved, problem.symmetry
    moments = cross_moments(a, b, symmetry, problem.examples(examples), report=problem.report)
    costs = cross_costs(symmetry, moments, "distance")

    def measure(problem: Problem, block: Block, model: Model, target: State, known: Couplings) -> BlockCost:
        cost, second = costs.get(block.name, BlockCost.zero(block)), ties(problem, block, model, target, known)
        return cost if second is None else cost.tied(second)

    return measure


def rooted(distance: Distance) -> Distance:
    """The same distances, not squared."""

    def measure(problem: Problem, block: Block, model: Model, target: State, known: Couplings) -> BlockCost | None:
        cost = distance(problem, block, model, target, known)
        return cost and cost.root()

    return measure


def entering(problem: Problem, block: Block, known: set[str], *, biases: bool = True) -> tuple[list[Slot], list[Slot]]:
    """(tensor, axis) where a block is written: by groups that are `known`, and by itself (recurrent weights).

    Where a residual stream is written by several layers, only those count whose inputs have been coupled (the `pre`
    policy of Akash 2022); if none has, all of them, and all that write a nested group which these leave out.

    biases   False: only weights that meet an input, and what writes groups of the block that none of them writes
    """
    symmetry = problem.symmetry

    def carried(slot: Slot) -> frozenset[str]:
        axes = symmetry.axes[slot[0]]
        return names_in(*(axes[n] for n in _own(axes, slot[1])))

    def completed(some: list[Slot], every: list[Slot]) -> list[Slot]:
        missing = set(block.names).difference(*map(carried, some))
        return some + [slot for slot in every if slot not in some and carried(slot) & missing]

    slots = [
        (name, number)
        for name in problem.learned
        for number in symmetry.places(name, block.name)
        if symmetry.roles.get((name, number)) != "read"
    ]
    if not biases:
        weights = {contraction.weight for contraction in symmetry.contractions}
        slots = completed([slot for slot in slots if slot[0] in weights], slots)
    outside: list[Slot] = []
    itself: list[Slot] = []
    for name, number in slots:
        own = _own(symmetry.axes[name], number)
        others = names_in(*(axis for n, axis in enumerate(symmetry.axes[name]) if n not in own))
        if block.name in others and others <= known | set(block.names):
            itself.append((name, number))
        elif block.name not in others and others <= known:
            outside.append((name, number))
    ready = completed(outside or itself or slots, slots)
    return (ready, itself) if outside or not itself else ([], ready)


def _own(axes: Sequence[Axis], number: int) -> tuple[int, ...]:
    """An axis and those whose units lie within its own."""
    return (number, *held_by(axes, number))


def distance(
    problem: Problem,
    block: Block,
    model: Model,
    target: State,
    couplings: Couplings,
    slots: Sequence[Slot],
    *,
    unknown: Collection[str] = (),
    spread: bool = True,
) -> BlockCost:
    """C_jk = Σ_pq (W_jp − W^i_kq)² π_pq (Akash 2022), by two matrix products per tensor, summed over tensors.

    The sum runs over the positions p of the template with π_pq ↦ k π_pq, so that a bias counts as one more input with
    the identity for its coupling, and permutations give squared distances of weight vectors.

    unknown   groups in no known order yet: their units are summed
    spread    False leaves out the variance of a source within its coupling: (W_jp − Σ_q k π_pq W^i_kq)² (Singh 2020)
    """
    total = {name: np.zeros(shape) for name, shape in block.shapes(model.symmetry).items()}
    for name, number in slots:
        a, axes = _summed(target[name].double(), problem.symmetry.axes[name], unknown)
        weight, theirs = _summed(model.state[name].double(), model.symmetry.axes[name], unknown)
        own = _own(axes, number)
        mixed = [theirs[n] if n in own else axis for n, axis in enumerate(axes)]

        def there(
            x: Tensor, number: int = number, own: tuple[int, ...] = own, theirs: Sequence[Axis] = theirs
        ) -> Tensor:
            others = [Fixed(z.size) if n in own else z for n, z in enumerate(theirs)]
            x = to_template(x, others, model.symmetry, couplings)
            return _beside(x, theirs[number], model, number, block, couplings)

        b = there(weight)
        squares = there(weight * weight) if spread else b * b
        for (x, y, yy), meeting in met((a, b, squares), (axes, mixed, mixed), [number], block.name):
            for group, keep in meeting.kept:
                beside = [d for d in meeting.dims if d not in keep]  # in no known order: summed
                mine, their = (z.sum(beside, keepdim=True) if beside else z for z in (x, y))
                others = their * their if beside else yy
                rest = [d for d in range(x.ndim) if d not in keep]
                one, other = (
                    z.permute(*keep, *rest).reshape(*(z.shape[d] for d in keep), -1).sum(-1).cpu().numpy()
                    for z in (mine * mine, others)
                )
                total[group] += _squares(one, other, gram(mine, their, keep)) / len(meeting.kept)
    return BlockCost.of(block, total)


def response_distance(
    block: Block, target: Mapping[str, list[Tensor]], theirs: Mapping[str, list[Tensor]], model: Model
) -> BlockCost:
    """‖a_j − a^i_k‖² over samples, for every pair of units of a template and of a model."""
    total = {name: np.zeros(shape) for name, shape in block.shapes(model.symmetry).items()}
    for name, cost in total.items():
        for x, y in zip(target.get(name, ()), theirs.get(name, ()), strict=True):
            one, other = ((z * z).sum(-1).cpu().numpy() for z in (x, y))
            cost += _squares(one, other, gram(x, y, range(x.ndim - 1)))
    return BlockCost.of(block, total)


def unsolved(problem: Problem, model: Model, known: Couplings) -> dict[str, Coupling]:
    """For groups that are not coupled yet: every unit with its namesake where sizes agree, else with all alike."""
    still = hard(identity(model.symmetry))
    made = {}
    for name, group in problem.symmetry.groups.items():
        if name in known:
            continue
        n = model.symmetry.groups[name].size
        if group.size == n:
            made[name] = still[name]
        elif group.within is None:
            made[name] = Coupling(name, plan=np.full((group.size, n), 1 / (group.size * n)))
        else:
            outer = (problem.symmetry.groups[group.within].size, model.symmetry.groups[group.within].size)
            made[name] = Coupling(name, plan=np.full((*outer, group.size, n), 1 / (group.size * n)))
    return made


def _squares(mine: NDArray[np.float64], theirs: NDArray[np.float64], cross: Tensor) -> NDArray[np.float64]:
    """‖x_j‖² + ‖y_k‖² − 2 <x_j, y_k>, never below 0."""
    return np.maximum(mine[(..., *(None,) * theirs.ndim)] + theirs - 2 * cross.cpu().numpy(), 0.0)


def _summed(x: Tensor, axes: Sequence[Axis], unknown: Collection[str]) -> tuple[Tensor, list[Axis]]:
    """A tensor with the units of unknown groups summed, and what its axes are then."""
    left = list(axes)
    for dim, axis in enumerate(axes):
        x, left[dim] = _summed_along(x, dim, axis, unknown)
    return x, left


def _summed_along(x: Tensor, dim: int, axis: Axis, unknown: Collection[str]) -> tuple[Tensor, Axis]:
    match axis:
        case Group(name) if name in unknown:
            return x.sum(dim, keepdim=True), Fixed(1)
        case Product(factors) if names_in(axis) & set(unknown):
            x = x.unflatten(dim, [factor.size for factor in factors])
            left = []
            for n, factor in enumerate(factors):
                x, rest = _summed_along(x, dim + n, factor, unknown)
                left.append(rest)
            return x.flatten(dim, dim + len(factors) - 1), Product(tuple(left))
        case Sum(parts) if names_in(axis) & set(unknown):
            blocks = x.split([part.size for part in parts], dim)
            pieces = [_summed_along(y, dim, part, unknown) for y, part in zip(blocks, parts, strict=True)]
            return torch.cat([y for y, _ in pieces], dim), Sum(tuple(part for _, part in pieces))
    return x, axis


def _beside(x: Tensor, axis: Axis, model: Model, number: int, block: Block, couplings: Couplings) -> Tensor:
    """Groups that share the axis of a block without being nested in it (`group·channel`), in the template's order."""
    others = names_in(axis) - set(block.names)
    if not others or any(m != n for *_, m, n in (couplings[group].matrix.shape for group in others)):
        return x  # between groups of other sizes the axis would no longer be that of the model
    axes = [axis if n == number else Fixed(size) for n, size in enumerate(x.shape)]
    return to_template(x, axes, model.symmetry, {**couplings, **hard(block.identity())})
