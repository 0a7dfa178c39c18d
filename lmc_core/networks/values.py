"""What is said of a network beside its numbers: its architecture, the scale of its inputs, what had to be assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmc_core.errors import SettingError
from lmc_core.networks.safety.limits import plain

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Architecture:
    """A family of `networks/families` and the options that rebuild the module: `build(architecture)`."""

    family: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Assumption:
    """What shapes could not tell: an option, the value assumed, and how to override it."""

    option: str
    value: Any
    why: str


@dataclass(frozen=True)
class Normalize:
    """Input normalisation (x − mean) / std, per channel (length C) or one number for all."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """x (b, C, …) or, with one number, any shape."""
        mean, std = (x.new_tensor(v) for v in (self.mean, self.std))
        if len(self.mean) > 1:
            shape = (1, -1) + (1,) * (x.ndim - 2)
            mean, std = mean.reshape(shape), std.reshape(shape)
        return (x - mean) / std


NormalizeLike = Normalize | tuple[float | Sequence[float], float | Sequence[float]]


def read_normalize(value: NormalizeLike | None) -> Normalize | None:
    """(mean, std) as a Normalize. Raises SettingError."""
    if value is None or isinstance(value, Normalize):
        return value
    try:
        mean, std = (tuple(map(float, v)) if isinstance(v, Sequence) else (float(v),) for v in value)
    except (TypeError, ValueError):
        raise SettingError(f"normalize={plain(value)} is not a mean and a standard deviation") from None
    if len(mean) != len(std) or not mean or not all(s > 0 for s in std):
        raise SettingError(f"normalize={plain(value)}: give as many positive standard deviations as means")
    return Normalize(mean, std)


def write_normalize(value: Normalize | None) -> dict[str, list[float]] | None:
    """As JSON."""
    return None if value is None else {"mean": list(value.mean), "std": list(value.std)}
