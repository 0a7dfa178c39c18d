"""The objective of cycle-consistent matching: all pairs of models compared in one common frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.blocks import blocks
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.meetings import Meeting, meetings, views
from lmc_core.alignment.problem import Problem
from lmc_core.alignment.relaxed import Plans, Relaxed, block_cost, differentiated, multiplied
from lmc_core.alignment.solve import sinkhorn
from lmc_core.symmetry.permute import identity


class Universe(Relaxed):
    """F(P) = Σ_{a<b} Σ_W <P_a W_a, P_b W_b>, every tensor carried on all its axes (Crisostomi 2024, eq. 5).

    Plans and permutations are those of all models, under the names `number:group`; they map a model to the frame.
    Of two models the first is the frame: a common one in between would only be known up to a permutation.
    """

    def __init__(self, problem: Problem) -> None:
        self.symmetry = problem.symmetry
        self.device = problem.models[0].network.device
        self.blocks = blocks(problem.symmetry)
        self.count = len(problem.models)
        self._known = {name for block in self.blocks for name in block.names}
        self._shared: list[tuple[list[Tensor], tuple[Meeting, ...]]] = []
        for name in problem.learned:
            axes = problem.symmetry.axes[name]
            tensors = [model.state[name].double() for model in problem.models]
            for parts in zip(*(views(x, axes, range(len(axes))) for x in tensors), strict=True):
                where = tuple(m for m in meetings(parts[0][1]) if self._known.issuperset(m.groups))
                if where:
                    self._shared.append(([part for part, _ in parts], where))
        self.degree = 2 * max([1, *(sum(len(m.groups) for m in where) for _, where in self._shared)])
        self.quadratic = False

    def value(self, plans: Mapping[str, Tensor]) -> Tensor:
        """½ (‖Σ_a P_a W_a‖² − Σ_a ‖P_a W_a‖²), summed over tensors, differentiable in the plans."""
        terms = []
        for parts, where in self._shared:
            moved = [multiplied(x, where, _own(plans, i)) for i, x in enumerate(parts)]
            every = torch.stack(moved)
            terms.append((every.sum(0).square().sum() - every.square().sum()) / 2)
        return torch.stack(terms).sum() if terms else torch.zeros((), dtype=torch.float64)

    def gradient(self, plans: Mapping[str, Tensor]) -> tuple[float, Plans]:
        """F and ∂F/∂P of every group of every model, by automatic differentiation."""
        return differentiated(self.value, dict(plans))

    def value_at(self, perms: Perms) -> float:
        """F at permutations of all models."""
        return float(self.value(self.vertex(perms)))

    def vertex(self, perms: Mapping[str, np.ndarray]) -> Plans:
        """Permutations of all models as plans."""
        return self._joined([super(Universe, self).vertex(_own(perms, i)) for i in range(self.count)])

    def at(self, costs: Mapping[str, Tensor], perms: Perms) -> float:
        """<cost, P> at permutations of all models."""
        return sum(super(Universe, self).at(_own(costs, i), _own(perms, i)) for i in range(self.count))

    def toward(self, plans: Mapping[str, Tensor], perms: Perms, share: float) -> Plans:
        """(1 − share) of plans and that share of permutations, of all models."""
        return self._joined(
            [super(Universe, self).toward(_own(plans, i), _own(perms, i), share) for i in range(self.count)]
        )

    def best(self, costs: Mapping[str, Tensor]) -> Perms:
        """The corner with the largest <P, cost>: an assignment per model and block."""
        found = []
        for i in range(self.count):
            own, perms = _own(costs, i), identity(self.symmetry)
            for block in self.blocks if self._moves(i) else ():
                perms |= block_cost(block, own).best(block)
            found.append(perms)
        return self._joined(found)

    def uniform(self, rng: np.random.Generator, noise: float = 0.1) -> Plans:
        """Every unit spread nearly evenly: random costs, made doubly stochastic by Sinkhorn."""
        found = []
        for i in range(self.count):
            plans: Plans = {}
            if not self._moves(i):
                found.append(super().vertex(identity(self.symmetry)))
                continue
            for block in self.blocks:
                n = block.outer.size
                outer = _mixed(n, rng, noise).to(self.device)
                plans[block.name] = outer
                for g in block.inner:
                    pairs = [_mixed(g.size, rng, noise) for _ in range(n * n)]
                    plans[g.name] = outer[..., None, None] * torch.stack(pairs).reshape(n, n, g.size, g.size).to(
                        self.device
                    )
            found.append(plans)
        return self._joined(found)

    def _moves(self, i: int) -> bool:
        return self.count > 2 or i > 0

    def joined(self, perms: Sequence[Perms]) -> Perms:
        """One mapping for the permutations of all models."""
        return self._joined(perms)

    def parted(self, perms: Mapping[str, np.ndarray]) -> list[Perms]:
        """The permutations of every model."""
        return [_own(perms, i) for i in range(self.count)]

    @staticmethod
    def _joined(each: Sequence[Mapping[str, object]]) -> dict:
        return {f"{i}:{name}": value for i, mapping in enumerate(each) for name, value in mapping.items()}


def _own(mapping: Mapping[str, object], i: int) -> dict:
    start = f"{i}:"
    return {name.removeprefix(start): value for name, value in mapping.items() if name.startswith(start)}


def _mixed(n: int, rng: np.random.Generator, noise: float) -> Tensor:
    plan, _ = sinkhorn(noise * rng.normal(size=(n, n)), epsilon=1.0) if n > 1 else (np.ones((1, 1)), 0.0)
    return torch.as_tensor(plan * n)
