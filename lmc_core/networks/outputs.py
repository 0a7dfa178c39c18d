"""How far the outputs of two networks lie apart: the one measure of whether a function was changed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from lmc_core.errors import DataError


def named_tensors(output: Any) -> list[tuple[str, Tensor]]:
    """Every tensor a module returned with the last name or number on the way to it: in tuples, lists, dicts, or as the
    attributes of an object."""
    found: list[tuple[str, Tensor]] = []
    for path, leaf in pytree.tree_flatten_with_path(output)[0]:
        name = str(getattr(path[-1], "key", getattr(path[-1], "idx", ""))) if path else ""
        if isinstance(leaf, Tensor):
            found.append((name, leaf))
        elif hasattr(leaf, "__dict__") and not isinstance(leaf, type):
            found.extend((inner or key, x) for key, value in vars(leaf).items() for inner, x in named_tensors(value))
    return found


def tensors(output: Any) -> list[Tensor]:
    """Every tensor a module returned, however nested."""
    return [x for _, x in named_tensors(output)]


def relative_error(before: Any, after: Any) -> float:
    """max |Δ| / max |output|, the worst over all outputs, in float64 or complex128.

    before, after   what the two return for the same inputs

    Infinite where an output stops being a number or has another shape, or where zeros became something else.
    Raises DataError where there is no tensor to compare.
    """
    pairs = tensors(before), tensors(after)
    if not all(pairs):
        raise DataError("the network returns no tensor, so nothing says whether its function is unchanged")
    worst = 0.0
    for x, y in zip(*pairs, strict=True):
        if x.shape != y.shape:
            return float("inf")
        if x.numel():
            change = float((_wide(x) - _wide(y)).abs().max())
            size = float(_wide(x).abs().max())
            worst = max(worst, change / size if size else (0.0 if change == 0 else float("inf")))
            worst = worst if change == change else float("inf")
    return worst


def unseen(output: Any) -> str:
    """Why a change of a network's function might not show in such an output; empty where it would."""
    found = tensors(output)
    numbers = [x for x in found if x.is_floating_point() or x.is_complex()]
    if not numbers:
        return "it returns whole numbers only, in which small changes do not show"
    if not any(bool((x != 0).any()) for x in numbers):
        return "all its outputs are zero"
    if all(bool(((x == 0) | (x == 1)).all()) for x in numbers):
        return "all its outputs are exactly 0 or 1"
    return ""


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.complex128 if x.is_complex() else torch.float64)
