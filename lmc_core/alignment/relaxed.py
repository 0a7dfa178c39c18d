"""The weight objective over plans instead of permutations: its gradient in all groups at once, and Frank–Wolfe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import Block, BlockCost
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.meetings import Meeting, meetings, views
from lmc_core.alignment.objective import Objective, Position
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result, best_of
from lmc_core.alignment.sweeps import random_start, sweep
from lmc_core.symmetry.permute import identity

Plans = dict[str, Tensor]
"""group → (n, n) doubly stochastic, target × source; nested: (N, N, n, n), for every pair of outer units a plan whose
total mass per row is that of the pair, so that the whole of them is a convex set with the permutations as corners."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """<A, T(B, P)> of one part of a tensor: a product of plans, one per meeting."""

    a: Tensor
    b: Tensor
    where: tuple[Meeting, ...]

    def value(self, plans: Mapping[str, Tensor]) -> Tensor:
        return (self.a.double() * multiplied(self.b.double(), self.where, plans)).sum()

    @property
    def multilinear(self) -> bool:
        """Whether every meeting is with one plan, so that the gradient is a Gram matrix each."""
        return all(len(meeting.groups) == 1 for meeting in self.where)

    def gradient(self, plans: Mapping[str, Tensor]) -> tuple[float, list[tuple[str, Tensor]]]:
        """The value, and (group, ∂/∂P) of every meeting: Gram(A, B multiplied by all other plans)."""
        if not self.multilinear:
            names = {name for meeting in self.where for name in (meeting.outer, *meeting.groups)} & plans.keys()
            value, slopes = differentiated(self.value, {name: plans[name] for name in sorted(names)})
            return value, list(slopes.items())
        found, a, b = [], self.a.double(), self.b.double()
        for number, meeting in enumerate(self.where):
            others = (*self.where[:number], *self.where[number + 1 :])
            found.append((meeting.groups[0], _gram(a, multiplied(b, others, plans), meeting.dims)))
        name, first = found[0]
        return _dot(first, plans[name]), found

    def corner(self, perms: Perms, plans: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
        """(group, ∂/∂P) of both meetings of a product of two plans at permutations, in the type of the tensors: B is
        gathered where it would be multiplied.

        plans   those of groups that are nested, as plans
        """
        first, second = self.where
        found = []
        for meeting, other in ((first, second), (second, first)):
            if len(other.dims) == 1:
                order = torch.as_tensor(perms[other.groups[0]], device=self.b.device)
                moved = self.b.index_select(other.dims[0], order)
            else:
                moved = multiplied(self.b, (other,), {name: plans[name].to(self.b) for name in other.groups})
            found.append((meeting.groups[0], _gram(self.a, moved, meeting.dims)))
        return found


def differentiated(value: Callable[[Plans], Tensor], plans: Plans) -> tuple[float, Plans]:
    """The value and its slope in every plan, by automatic differentiation."""
    leaves = {name: plan.detach().clone().requires_grad_() for name, plan in plans.items()}
    found = value(leaves)
    if not found.requires_grad:
        return float(found), {name: torch.zeros_like(plan) for name, plan in plans.items()}
    slopes = torch.autograd.grad(found, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return float(found.detach()), dict(zip(leaves, slopes, strict=True))


class Relaxed:
    """F(P) of an Objective for plans, in float64: a polynomial of low degree, equal to F on permutations.

    degree      of F along a segment: the most plans that one tensor meets
    quadratic   whether F is a polynomial of degree 2 in closed form, so that its gradient is affine
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.device = next((x.device for x in objective.still.values()), torch.device("cpu"))
        self.blocks = objective.blocks
        self.symmetry = objective.symmetry
        self._known = {name for block in self.blocks for name in block.names}
        self._linear: Plans = {}
        self._pieces: list[_Piece] = []
        self._constant = 0.0
        for term in objective.terms:
            for name, target in term.targets.items():
                self._add(target, objective.still[name], name)
        self.degree = max([1, *(sum(len(m.groups) for m in piece.where) for piece in self._pieces)])
        self.quadratic = self.degree <= 2 and all(piece.multilinear for piece in self._pieces)

    def _add(self, a: Tensor, b: Tensor, name: str) -> None:
        axes = self.symmetry.axes[name]
        for (x, leaves), (y, _) in zip(*(views(z, axes, range(len(axes))) for z in (a, b)), strict=True):
            where = tuple(m for m in meetings(leaves) if self._known.issuperset(m.groups))
            if not where:
                self._constant += float((x.double() * y.double()).sum())
            elif len(where) == len(where[0].groups) == 1:  # linear: only its Gram matrix is needed
                (name,) = where[0].groups
                self._linear[name] = self._linear.get(name, 0.0) + _gram(x.double(), y.double(), where[0].dims)
            else:
                self._pieces.append(_Piece(x, y, where))

    def value(self, plans: Mapping[str, Tensor]) -> Tensor:
        """F(P), (), differentiable in the plans."""
        linear = [(gram * plans[name]).sum() for name, gram in self._linear.items()]
        pieces = [piece.value(plans) for piece in self._pieces]
        return torch.stack([*linear, *pieces]).sum() + self._constant if linear or pieces else torch.zeros(())

    def gradient(self, plans: Mapping[str, Tensor]) -> tuple[float, Plans]:
        """F and ∂F/∂P of every group, in closed form but where groups nested in one product share their outer units."""
        plans = {name: plan.detach() for name, plan in plans.items()}
        found = {name: torch.zeros_like(plan) for name, plan in plans.items()}
        value = self._constant
        for name, gram in self._linear.items():
            found[name] = found[name] + gram
            value += _dot(gram, plans[name])
        for piece in self._pieces:
            size, parts = piece.gradient(plans)
            value += size
            for name, part in parts:
                found[name] = found[name] + part
        return value, found

    def corner(self, perms: Perms) -> tuple[float, Plans]:
        """F and ∂F/∂P of every group at permutations, if F is quadratic: F = c + <L, P> + <Q P, P> / 2 has the gradient
        L + Q P, so its value is c + <L + gradient, P> / 2."""
        known = self._linear
        found = {
            name: known[name].clone() if name in known else torch.zeros(shape, dtype=torch.float64, device=self.device)
            for name, shape in self._shapes().items()
        }
        nested = self.vertex(perms) if any(len(m.dims) > 1 for piece in self._pieces for m in piece.where) else {}
        for piece in self._pieces:
            for name, part in piece.corner(perms, nested):
                found[name] += part
        return self._constant + (self.at(known, perms) + self.at(found, perms)) / 2, found

    def value_at(self, perms: Perms) -> float:
        """F at permutations, where tensors are gathered, not multiplied."""
        return Position(self._objective, perms).total

    def at(self, costs: Mapping[str, Tensor], perms: Perms) -> float:
        """<cost, P> at permutations, of groups that have one."""
        value = 0.0
        for block in self.blocks:
            perm = torch.as_tensor(perms[block.name], device=self.device)
            rows = torch.arange(len(perm), device=self.device)
            if block.name in costs:
                value += float(costs[block.name][rows, perm].sum())
            for name, where in self._inside(block, rows, perm, perms):
                if name in costs:
                    value += float(costs[name][where].sum())
        return value

    def toward(self, plans: Mapping[str, Tensor], perms: Perms, share: float) -> Plans:
        """(1 − share) of plans and that share of permutations."""
        found = {name: (1 - share) * plan for name, plan in plans.items()}
        self._place(found, perms, share)
        return found

    def vertex(self, perms: Mapping[str, np.ndarray]) -> Plans:
        """Permutations as plans."""
        found = {
            name: torch.zeros(shape, dtype=torch.float64, device=self.device) for name, shape in self._shapes().items()
        }
        self._place(found, perms, 1.0)
        return found

    def _place(self, plans: Plans, perms: Mapping[str, np.ndarray], mass: float) -> None:
        """Add permutations of that mass to plans, in place."""
        for block in self.blocks:
            perm = torch.as_tensor(perms[block.name], device=self.device)
            rows = torch.arange(len(perm), device=self.device)
            plans[block.name][rows, perm] += mass
            for name, where in self._inside(block, rows, perm, perms):
                plans[name][where] += mass

    def _inside(
        self, block: Block, rows: Tensor, perm: Tensor, perms: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
        """Nested group → where permutations have their units: outer target, outer source, target, source."""
        for group in block.inner:
            order = torch.as_tensor(perms[group.name], device=self.device)  # (N, n)
            places = torch.arange(group.size, device=self.device)
            yield group.name, (rows[:, None], perm[:, None], places[None], order)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the plans."""
        found: dict[str, tuple[int, ...]] = {}
        for block in self.blocks:
            n = block.outer.size
            found |= {block.name: (n, n), **{g.name: (n, n, g.size, g.size) for g in block.inner}}
        return found

    def centre(self) -> Plans:
        """Every unit spread evenly over all: 1/n everywhere."""
        return {
            name: torch.full(shape, 1 / prod(shape[1::2]), dtype=torch.float64, device=self.device)
            for name, shape in self._shapes().items()
        }

    def best(self, costs: Mapping[str, Tensor]) -> Perms:
        """The corner with the largest <P, cost>, a (nested) assignment per block; groups not judged stay."""
        perms: Perms = identity(self.symmetry)
        for block in self.blocks:
            perms |= block_cost(block, costs).best(block)
        return perms


def block_cost(block: Block, costs: Mapping[str, Tensor]) -> BlockCost:
    """The gradient of one block as arrays, nested ones (N, N, n, n) → (N, n, N, n)."""
    inner = {g.name: costs[g.name].detach().transpose(1, 2).cpu().numpy() for g in block.inner}
    return BlockCost(costs[block.name].detach().cpu().numpy(), inner)


def multiplied(b: Tensor, where: tuple[Meeting, ...], plans: Mapping[str, Tensor]) -> Tensor:
    """One part of a tensor of B, every group multiplied by its plan: Σ_j P[i, j] B[j], Σ_jl R[i, j, k, l] B[j, l].

    Several nested groups in one meeting share their outer units: R R' / P, no polynomial but the same at the corners.
    """
    for meeting in where:
        plan, dims = plans[meeting.groups[0]], list(meeting.dims)
        if len(meeting.groups) == 1:
            moved = torch.tensordot(plan, b, dims=([1] if len(dims) == 1 else [1, 3], dims))
        else:
            rest = [dim for dim in range(b.ndim) if dim not in dims]
            moved = b.permute(*dims, *rest)[None]  # (1, N, n, n' …, rest)
            for place, name in enumerate(meeting.groups[1:], start=3):
                share = plans[name] / plans[meeting.outer].clamp(min=1e-12)[..., None, None]
                inner = moved.movedim(place, -1)
                turned = inner.flatten(2, -2) @ share.transpose(-1, -2)
                moved = turned.unflatten(2, inner.shape[2:-1]).movedim(-1, place)
            moved = torch.einsum("ijkl,ijl...->ik...", plan, moved)
        b = moved.movedim(list(range(len(dims))), dims)
    return b


def _gram(a: Tensor, b: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Σ over the other dimensions of a·b: (n, n), or (N, N, n, n) for an outer and an inner dimension."""
    rest = [dim for dim in range(a.ndim) if dim not in dims]
    x, y = (z.permute(*dims, *rest).flatten(len(dims)) if rest else z.permute(*dims)[..., None] for z in (a, b))
    gram = torch.tensordot(x, y, dims=([len(dims)], [len(dims)]))
    return gram if len(dims) == 1 else gram.permute(0, 2, 1, 3)


def _dot(x: Tensor, y: Tensor) -> float:
    """<x, y>."""
    return float(torch.dot(x.reshape(-1), y.reshape(-1)))


@dataclass(frozen=True, eq=False)
class Walk:
    """Where Frank–Wolfe ended, and the objective on the way."""

    plans: Plans
    history: tuple[float, ...]
    converged: bool


def frank_wolfe(
    relaxed: Relaxed, start: Plans, *, limit: int, tolerance: float = 1e-7, tick: Callable[[int], None]
) -> Walk:
    """Conditional gradient: the best corner for the gradient of all groups, then the best point on the way to it.

    The objective along the segment is a polynomial, so degree + 1 values determine it and the best point is exact.
    Where it is quadratic its gradient there lies on the way from the gradient here to that at the corner.

    limit       most steps
    tolerance   stop when a step gains less than this part of the objective's scale
    """
    plans, history = start, []
    scale = 1e-300
    value, gradient = relaxed.gradient(plans)
    for step in range(limit):
        tick(step)
        history.append(value)
        there = relaxed.best(gradient)
        promised = relaxed.at(gradient, there)
        slope = promised - sum(_dot(gradient[name], plan) for name, plan in plans.items())
        scale = max(scale, abs(value), promised)
        if slope <= tolerance * scale:  # the dual gap: no corner promises more
            return Walk(plans, tuple(history), True)
        ahead: Plans = {}
        if relaxed.quadratic:
            end, ahead = relaxed.corner(there)
        else:
            end = relaxed.value_at(there)
        gamma, gain = line_search(relaxed, plans, there, value, slope, end)
        if gain <= tolerance * scale:
            return Walk(plans, tuple(history), True)
        plans = relaxed.toward(plans, there, gamma)
        if relaxed.quadratic:
            value += gain
            gradient = {name: torch.lerp(x, ahead[name], gamma) for name, x in gradient.items()}
        else:
            value, gradient = relaxed.gradient(plans)
    return Walk(plans, (*history, value), False)


def line_search(
    relaxed: Relaxed, plans: Plans, there: Perms, value: float, slope: float, end: float
) -> tuple[float, float]:
    """The best γ in [0, 1] and its gain: F((1 − γ) P + γ Q) is a polynomial, known from its value and slope at 0, its
    value at the permutations Q (`end`), and degree − 2 values between: for two plans in a product, no further one."""
    degree = max(2, relaxed.degree)
    at = np.linspace(0.0, 1.0, degree)[1:]
    values = [float(relaxed.value(relaxed.toward(plans, there, float(gamma)))) for gamma in at[:-1]]
    rest = (np.array([*values, end]) - value - slope * at) / at**2  # what a polynomial of degree − 2 has to be there
    curve = np.polynomial.Polynomial([value, slope, *np.linalg.solve(np.vander(at, increasing=True), rest)])
    roots: list[complex] = np.asarray(curve.deriv().roots(), dtype=complex).tolist()
    inside = [r.real for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 1]
    best = max([1.0, *inside, 0.0], key=lambda gamma: float(curve(gamma)))
    return best, float(curve(best)) - value


def matched(objective: Objective, problem: Problem, *, restarts: int, iterations: int, sweeps: int) -> Result:
    """Frank–Wolfe from several starts, each rounded and completed by coordinate sweeps; the best, never below naive.

    The first start spreads every unit over all others, the second is the networks as they are, the next are random
    orders around the first.
    """
    relaxed, found, report = Relaxed(objective), [], problem.report
    for restart in range(restarts):
        drawn = problem.rng(1, restart)
        start = relaxed.centre() if restart != 1 else relaxed.vertex(identity(objective.symmetry))
        if restart > 1:
            start = relaxed.toward(start, random_start(objective, drawn), 0.5)

        def tick(step: int, restart: int = restart) -> None:
            report(f"Frank–Wolfe, start {restart + 1}", step, iterations)

        walk = frank_wolfe(relaxed, start, limit=iterations, tick=tick)
        rounded = sweep(objective, drawn, start=relaxed.best(walk.plans), limit=sweeps, report=report)
        if not walk.converged:
            steps = "1 step" if iterations == 1 else f"{iterations} steps"
            rounded = rounded.noting([f"Frank–Wolfe still improved after {steps}"])
        found.append(rounded)
    best = best_of(found)
    if best.history[-1] < best.history[0]:  # rounding may lose what the plans gained
        return best_of([*found, sweep(objective, problem.rng(1, 0), limit=sweeps, report=report)])
    return best
