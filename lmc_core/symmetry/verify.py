"""Evidence for an arrangement of units: permute at random, compare outputs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lmc_core.networks.network import Network
from lmc_core.networks.outputs import relative_error, tensors
from lmc_core.symmetry.arrangement import Arrangement
from lmc_core.symmetry.classes import reorders
from lmc_core.symmetry.permute import permute, random_permutations

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Relative error above which a group counts as broken: far above rounding, far below what a wrong group does."""


@dataclass(frozen=True)
class VerifyReport:
    """How much outputs changed, relative: max |Δ| / max |output|.

    error      worst of the joint draws: every group permuted at once
    groups     group → error when it alone is permuted; empty if that was not asked
    tolerance  what counts as broken in this network's floating-point type
    moved      whether every draw changed some parameter
    blind      whether the outputs are no numbers even without a draw, so that nothing was seen
    """

    error: float
    groups: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 1e-4
    moved: bool = True
    blind: bool = False

    @property
    def broken(self) -> tuple[str, ...]:
        """Groups that change the output on their own."""
        return tuple(name for name, error in self.groups.items() if not error <= self.tolerance)

    @property
    def holds(self) -> bool:
        """Whether no draw moved the outputs by more than the tolerance."""
        return self.error <= self.tolerance and not self.broken


def verify(
    network: Network,
    symmetry: Arrangement,
    *,
    rng: np.random.Generator | None = None,
    draws: int = 1,
    groups: bool = True,
    budget: float | None = None,
) -> VerifyReport:
    """Measured change of the outputs, max |f(x; P·θ) − f(x; θ)| / max |f(x; θ)|, for permutations P of the groups.

    rng      of the inputs x and the permutations, none of which is the identity; None = always the same
    draws    times all groups are permuted at once
    groups   whether to permute each group alone too
    budget   seconds after which no more single groups are drawn; None = all

    Returns a VerifyReport.
    """
    rng = rng or np.random.default_rng(0)
    inputs = random_inputs(network, rng)
    before = tensors(network(*inputs))
    if not _finite(before):
        inputs = network.example_inputs
        before = tensors(network(*inputs))
    moved = True

    def error(names: tuple[str, ...] | None) -> float:
        nonlocal moved
        state = permute(network.state, symmetry, random_permutations(symmetry, rng, names))
        moved &= any(not torch.equal(state[name], network.state[name]) for name in state)
        return relative_error(before, network.with_state(state)(*inputs))

    ordered = [name for name, group in symmetry.groups.items() if reorders(group.kind)]
    joint = max((error(None) for _ in range(draws if ordered else 0)), default=0.0)
    alone: dict[str, float] = {}
    start = time.monotonic()
    for name in ordered if groups else ():
        if budget is not None and time.monotonic() - start > budget:
            break
        alone[name] = error((name,))
    return VerifyReport(joint, alone, tolerance(network), moved, not _finite(before))


def _finite(outputs: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(x).all()) for x in outputs)


def tolerance(network: Network) -> float:
    """The relative error that rounding may make in a network's floating-point type."""
    dtype = next((x.dtype for x in network.state.values() if x.is_floating_point()), torch.float32)
    return TOLERANCE.get(dtype, 1e-4)


def random_inputs(network: Network, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Inputs shaped like the examples: standard normal numbers; whole numbers between those of the example."""
    made = []
    for x in network.example_inputs:
        if x.is_floating_point():
            made.append(torch.from_numpy(rng.standard_normal(tuple(x.shape))).to(x))
        elif x.dtype is torch.bool or not x.numel():
            made.append(x)
        else:
            made.append(torch.from_numpy(rng.integers(int(x.min()), int(x.max()) + 1, tuple(x.shape))).to(x))
    return tuple(made)


def elsewhere(network: Network, rng: np.random.Generator) -> Network:
    """The same architecture at a random state: no gate is zero there, no softmax saturated, no statistics alike.

    Weights are drawn for outputs of order one, vectors from 0.5 … 1.5; buffers that hold no negative number, such as
    variances, stay so; what is no floating-point number or not finite stays as it is.
    """
    learned = {name for name, _ in network.module.named_parameters(remove_duplicate=False)}

    def drawn(name: str, x: Tensor) -> Tensor:
        if not x.is_floating_point() or not x.numel() or not bool(torch.isfinite(x).all()):
            return x
        positive = torch.from_numpy(rng.uniform(0.5, 1.5, tuple(x.shape))).to(x)
        if name not in learned and bool((x >= 0).all()) and bool((x > 0).any()):
            return x * positive
        if x.ndim < 2:
            return positive
        return torch.from_numpy(rng.standard_normal(tuple(x.shape))).to(x) * (x.shape[0] / x.numel()) ** 0.5

    return network.with_state({name: drawn(name, x) for name, x in network.state.items()})
