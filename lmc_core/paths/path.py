"""Curves of states: `path(t)` for t in [0, 1]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lmc_core.errors import MismatchError, SettingError
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network, State


class Path(Protocol):
    """A curve of states, all of them for the computation of one network."""

    @property
    def network(self) -> Network:
        """The network at t = 0."""

    def __call__(self, t: float) -> State: ...


def blend(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """(1 − t)·a + t·b, exactly a and b at the ends and exactly a where both agree. Whole numbers jump at ½."""
    if a is b:
        return a
    if not (a.is_floating_point() or a.is_complex()):
        return a if t < 0.5 else b
    return torch.lerp(a, b, t)


@dataclass(frozen=True, eq=False)
class Blend(Mapping[str, Tensor]):
    """The state (1 − t)·a + t·b; a tensor is made each time it is read, so that no whole state need be kept."""

    a: State
    b: State
    t: float

    def __getitem__(self, name: str) -> Tensor:
        return blend(self.a[name], self.b[name], self.t)

    def __iter__(self) -> Iterator[str]:
        return iter(self.a)

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True, eq=False)
class LinearPath:
    """The straight line θ(t) = (1 − t)·θ_A + t·θ_B; its ends are the very states of a and b.

    a    t = 0; its computation (module, normalisation) is that of every point
    b    t = 1; already aligned, if it is to be

    Raises MismatchError, naming the first thing that differs, if b's state cannot stand in a's computation.
    """

    a: Network
    b: Network

    def __post_init__(self) -> None:
        a, b = self.a, self.b
        if why := mismatch(a, b):
            raise MismatchError(why)
        for name, x in a.state.items():
            y = b.state[name]
            if x.dtype != y.dtype or x.device != y.device:
                raise MismatchError(
                    f"tensor {name!r} is {x.dtype} on {x.device} in one network and {y.dtype} on {y.device} in the "
                    "other; bring both to the same type and device"
                )

    @property
    def network(self) -> Network:
        """A, the network at t = 0."""
        return self.a

    def __call__(self, t: float) -> State:
        if not 0 <= t <= 1:
            raise SettingError(f"t={t} is outside 0…1")
        if t in (0, 1):
            return self.b.state if t else self.a.state
        return Blend(self.a.state, self.b.state, t)
