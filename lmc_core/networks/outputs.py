"""How far the outputs of two networks lie apart: the one measure of whether a function was changed."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree


def tensors(output: Any) -> list[Tensor]:
    """Every tensor a module returned, however nested."""
    return [x for x in pytree.tree_leaves(output) if isinstance(x, Tensor)]


def relative_error(before: Any, after: Any) -> float:
    """max |Δ| / max |output|, the worst over all outputs, in float64.

    before, after   what the two return for the same inputs

    Infinite where an output stops being a number, or where zeros became something else.
    """
    worst = 0.0
    for x, y in zip(tensors(before), tensors(after), strict=True):
        if x.numel():
            change = float((x.double() - y.double()).abs().max())
            size = float(x.double().abs().max())
            worst = max(worst, change / size if size else (0.0 if change == 0 else float("inf")))
            worst = worst if change == change else float("inf")
    return worst
