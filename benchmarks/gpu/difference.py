"""How far apart two results are, whatever they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from torch import Tensor

IGNORED = {"seconds", "source", "metadata", "module", "example_inputs", "notes"}
"""Fields that tell how a result was made, not what it is."""


def difference(one: Any, other: Any) -> tuple[float, str]:
    """The largest relative difference between two results of one structure, and where in it.

    Numbers: max |x − y| / max |x| of each array; whole numbers, truth values and words: the share that differs.
    Infinite where the structure, a shape, or what is a number differs.
    """
    return max(_parts(one, other, ""), default=(0.0, ""))


def _parts(one: Any, other: Any, where: str) -> Iterator[tuple[float, str]]:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        one, other = (x.detach().cpu().numpy() for x in (one, other))
    if isinstance(one, int | float | np.ndarray | np.generic) and isinstance(
        other, int | float | np.ndarray | np.generic
    ):
        yield _numbers(np.asarray(one), np.asarray(other)), where
    elif type(one) is not type(other):
        yield float("inf"), f"{where} ({type(one).__name__}, {type(other).__name__})"
    elif isinstance(one, Mapping):
        yield from _mapped(one, other, where)
    elif is_dataclass(one) and not isinstance(one, type):
        for field in fields(one):
            if field.name not in IGNORED:
                yield from _parts(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, Sequence) and not isinstance(one, str):
        yield float("inf") if len(one) != len(other) else 0.0, f"{where} (length)"
        for number, (x, y) in enumerate(zip(one, other, strict=False)):
            yield from _parts(x, y, f"{where}[{number}]")
    else:
        yield 0.0 if one == other else float("inf"), where


def _mapped(one: Mapping[Any, Any], other: Mapping[Any, Any], where: str) -> Iterator[tuple[float, str]]:
    if one.keys() != other.keys():
        yield float("inf"), f"{where} (keys)"
        return
    for key, x in one.items():
        yield from _parts(x, other[key], f"{where}[{key}]")


def _numbers(x: np.ndarray, y: np.ndarray) -> float:
    if x.shape != y.shape:
        return float("inf")
    if not x.size:
        return 0.0
    if not np.issubdtype(x.dtype, np.inexact):
        return float((x != y).mean())
    known = np.isfinite(x)
    if (known != np.isfinite(y)).any():
        return float("inf")
    size = float(np.abs(x[known]).max(initial=0.0))
    change = float(np.abs(x[known].astype(np.float64) - y[known]).max(initial=0.0))
    return change / size if size else change
