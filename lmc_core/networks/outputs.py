"""How far the outputs of two networks lie apart: the one measure of whether a function was changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from lmc_core.errors import DataError


def named_tensors(output: Any) -> list[tuple[str, Tensor]]:
    """Every tensor a module returned with the last name or number on the way to it: in tuples, lists, mappings, or as
    the attributes of an object."""
    if isinstance(output, Tensor):
        return [("", output)]
    return [(inner or name, x) for name, part in _parts(output) for inner, x in named_tensors(part)]


def _parts(output: Any) -> list[tuple[str, Any]]:
    if isinstance(output, Mapping):
        return [(str(name), part) for name, part in output.items()]
    if isinstance(output, tuple | list):
        return [(str(number), part) for number, part in enumerate(output)]
    if isinstance(output, type | torch.nn.Module) or not hasattr(output, "__dict__"):
        return []
    return list(vars(output).items())


def traceable(run: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns the same where torch knows what that is made of, otherwise the list of its tensors."""
    known = (Tensor, int, float, bool, str, type(None))

    def plain(*args: Any, **named: Any) -> Any:
        output = run(*args, **named)
        return output if all(isinstance(x, known) for x in pytree.tree_leaves(output)) else tensors(output)

    return plain


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
