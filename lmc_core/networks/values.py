"""What is said of a network beside its numbers: its architecture, the scale of its inputs, what had to be assumed."""

from __future__ import annotations

import re
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
    """What shapes could not tell: an option, the value assumed, and how to override it.

    others   values that the same tensors could have as well, worth trying on examples
    """

    option: str
    value: Any
    why: str
    others: tuple[Any, ...] = ()


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


NormalizeLike = Normalize | str | tuple[float | Sequence[float], float | Sequence[float]]
PLAIN = Normalize((0.0,), (1.0,))
"""What leaves inputs as they are."""


def read_normalize(value: NormalizeLike | None) -> Normalize | None:
    """(mean, std), or a text that `parse_normalize` reads, as a Normalize. Raises SettingError."""
    if value is None or isinstance(value, Normalize):
        return value
    if isinstance(value, str):
        value = parse_normalize(value)
    try:
        mean, std = (tuple(map(float, v)) if isinstance(v, Sequence) else (float(v),) for v in value)
    except (TypeError, ValueError):
        raise SettingError(f"normalize={plain(value)} is not a mean and a standard deviation") from None
    if len(mean) != len(std) or not mean or not all(s > 0 for s in std):
        raise SettingError(f"normalize={plain(value)}: give as many positive standard deviations as means")
    return Normalize(mean, std)


def parse_normalize(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation as people type them: "0.1307/0.3081", "0.1307, 0.3081", "0.5,0.5,0.5/0.2,0.2,0.2",
    "[0.5, 0.5, 0.5], [0.2, 0.2, 0.2]"; "none" for inputs as they are. Raises SettingError."""
    if text.strip().lower() == "none":
        return PLAIN.mean, PLAIN.std
    parts = [part for part in re.split(r"[/\])]", text) if part.strip(" ,;[](){}")] if "/" in text else [text]
    try:
        numbers = [[float(word) for word in re.split(r"[\s,;\[\](){}]+", part) if word] for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) == 1 and len(numbers[0]) % 2 == 0:
        half = len(numbers[0]) // 2
        numbers = [numbers[0][:half], numbers[0][half:]]
    if len(numbers) != 2 or not numbers[0]:
        raise SettingError(f"normalize={plain(text, 80)!r} is not mean/std, such as 0.1307/0.3081")
    return tuple(numbers[0]), tuple(numbers[1])


def spoken(value: Normalize | None) -> str:
    """As a command takes it: "0.1307/0.3081", "none"."""
    if value is None:
        return "none"
    return "/".join(",".join(f"{number:.4g}" for number in part) for part in (value.mean, value.std))


def write_normalize(value: Normalize | None) -> dict[str, list[float]] | None:
    """As JSON."""
    return None if value is None else {"mean": list(value.mean), "std": list(value.std)}
