"""Elements of the classes of groups as functions of free parameters, so that a loss can be descended on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.coupling import Elements
from lmc_core.alignment.solve import polar
from lmc_core.operators import Kind
from lmc_core.symmetry.axis import Group
from lmc_core.symmetry.classes import COMPLEX, Element, as_matrix, as_numbers, inverse_transpose, pairs, reorders
from lmc_core.symmetry.move import Mover, Movers
from lmc_core.symmetry.symmetry import Symmetry


class Learned:
    """One element per group, moved away from where it was found by parameters that start at zero.

    orthogonal   O₀ exp(S − Sᵀ); centred: exp(M (S − Sᵀ) M) with M = I − 11ᵀ/n, which keeps the all-ones vector
    general      G₀ + D
    complex      c₀ exp(s + iθ) for every rotary pair; phase: c₀ exp(iθ)
    scaled       G₀ with its unit k times exp(s_k)
    permutation, signed   as they were found, and so is a group with others nested in it

    start        group → the element that it starts at
    free         group → what is learned of it: S, D, s, or (s, θ)
    """

    def __init__(self, symmetry: Symmetry, start: Mapping[str, Element], device: torch.device) -> None:
        self.start: Elements = dict(start)
        self._still = {name: (Mover.of(e), Mover.of(inverse_transpose(e))) for name, e in start.items()}
        self._groups: dict[str, Group] = {}
        self.free: dict[str, Tensor] = {}
        for name, group in symmetry.groups.items():
            if group.kind in ("permutation", "signed") or symmetry.children(name):
                continue
            shape = start[name].shape if group.kind == "scaled" else as_matrix(start[name]).shape
            if group.kind == "scaled" and start[name].dtype.kind != "i":
                shape = shape[:-1]
            if not reorders(group.kind):
                shape = (2 if group.kind in COMPLEX else 1, *shape[:-2], group.size // 2)
            self._groups[name] = group
            self.free[name] = torch.zeros(shape, device=device, requires_grad=True)

    @property
    def count(self) -> int:
        """How many numbers are learned."""
        return sum(x.numel() for x in self.free.values())

    def movers(self) -> Movers:
        """What moves the units at the parameters as they are, differentiable in them."""
        return {**self._still, **{name: self._movers(name) for name in self.free}}

    @torch.no_grad()
    def elements(self) -> Elements:
        """The elements at the parameters as they are, exactly of their classes."""
        found: Elements = dict(self.start)
        for name, group in self._groups.items():
            mover = self._movers(name, torch.float64)[0]
            if group.kind == "scaled":
                assert mover.factor is not None
                found[name] = as_matrix(self.start[name]) * mover.factor.cpu().numpy()[..., None]
            else:
                assert mover.matrix is not None
                matrix = mover.matrix.cpu().numpy()
                exact = group.kind == "general" or not reorders(group.kind)
                found[name] = matrix if exact else np.asarray(polar(matrix))
        return found

    def _movers(self, name: str, dtype: torch.dtype = torch.float32) -> tuple[Mover, Mover]:
        """Of one group: where its units are made, and where they are used."""
        group, free = self._groups[name], self.free[name].to(dtype)
        if group.kind == "scaled":
            made, used = self._still[name]
            return tuple(  # type: ignore[return-value]
                replace(mover, factor=sign.exp() * (1 if mover.factor is None else mover.factor.to(free)))
                for mover, sign in ((made, free), (used, -free))
            )
        start = torch.as_tensor(as_matrix(self.start[name]), dtype=dtype, device=free.device)
        if group.kind == "general":
            matrix = start + free
            return Mover(matrix=matrix), Mover(matrix=torch.linalg.inv(matrix).transpose(-1, -2))
        if not reorders(group.kind):
            numbers = torch.as_tensor(as_numbers(group.kind, as_matrix(self.start[name])), device=free.device)
            numbers = numbers.to(torch.complex(free, free).dtype) * torch.exp(_complex(free))
            return tuple(Mover(matrix=_of_numbers(group.kind, x)) for x in (numbers, 1 / numbers.conj()))  # type: ignore[return-value]
        turn = free - free.transpose(-1, -2)
        if group.kind == "centred":
            turn = turn - turn.mean(-1, keepdim=True)
            turn = turn - turn.mean(-2, keepdim=True)
        matrix = torch.linalg.matrix_exp(turn) @ start
        return Mover(matrix=matrix), Mover(matrix=matrix)


def _complex(free: Tensor) -> Tensor:
    """s + iθ of (s, θ), or iθ of θ alone."""
    sizes = free[0] if len(free) == 2 else torch.zeros_like(free[-1])
    return torch.complex(sizes, free[-1])


def _of_numbers(kind: Kind, numbers: Tensor) -> Tensor:
    """Complex numbers of rotary pairs (…, n/2) as matrices (…, n, n), differentiable in them."""
    n = 2 * numbers.shape[-1]
    found = pairs(kind, n)
    assert found is not None
    first, second = (torch.as_tensor(units, device=numbers.device) for units in found)
    matrix = torch.zeros(*numbers.shape[:-1], n, n, dtype=numbers.real.dtype, device=numbers.device)
    matrix[..., first, first] = matrix[..., second, second] = numbers.real
    matrix[..., second, first], matrix[..., first, second] = numbers.imag, -numbers.imag
    return matrix
