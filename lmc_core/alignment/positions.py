"""The vectors that the weights of a layer meet: rows of an input, patches of an image, states of a recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.symmetry.symmetry import Contraction

KINDS = ("linear", "matmul", "conv", "conv-transpose", "embedding", "recurrent-input", "recurrent-hidden")


def matrix(weight: Tensor, contraction: Contraction) -> Tensor:
    """A weight as (units written, d): pre-activations are this matrix times the vectors of `positions`."""
    return weight.movedim(contraction.write, 0).flatten(1)


def unmatrix(rows: Tensor, weight: Tensor, contraction: Contraction) -> Tensor:
    """The inverse of `matrix`: rows (units, d) in the shape of `weight`."""
    return rows.reshape(weight.movedim(contraction.write, 0).shape).movedim(0, contraction.write)


def positions(value: Tensor, contraction: Contraction, weight: Tensor) -> Tensor:
    """All vectors of one batch, as a view: (positions …, vector …), the vector flattened like the rows of `matrix`.

    linear, matmul    (…, in)
    conv              (b, [groups,] places …, in / groups, taps …): the patches under the kernel; groups are pooled
    recurrent-hidden  (…, h): the states one step earlier; the zero state before the first step adds nothing to a sum
    """
    match contraction.kind:
        case "conv":
            return _patches(value, contraction.options, weight.shape[2:])
        case "conv-transpose":
            return _transposed_patches(value, contraction.options, weight.shape[2:])
        case "recurrent-hidden":
            time = 1 if contraction.options.get("batch_first") else 0
            steps = value.shape[time]
            return value.narrow(time, 1 if contraction.options.get("reverse") else 0, steps - 1)
        case _:
            return value


def vector_dims(contraction: Contraction, weight: Tensor) -> int:
    """How many trailing dimensions of `positions` make one vector."""
    return weight.ndim - 1 if contraction.kind.startswith("conv") else 1


def choose(places: Tensor, dims: int, limit: int, rng: np.random.Generator) -> Tensor:
    """At most `limit` of the vectors, drawn at random without replacement: (rows, d)."""
    shape, d = places.shape[: places.ndim - dims], prod(places.shape[places.ndim - dims :])
    total = prod(shape)
    if total <= limit:
        return places.reshape(total, d)
    drawn: NDArray[np.int64] = np.sort(rng.choice(total, limit, replace=False))
    index = tuple(torch.as_tensor(i, device=places.device) for i in np.unravel_index(drawn, shape))
    return places[index].reshape(limit, d)


def _per_dim(option: Any, dims: int, default: int) -> list[int]:
    if option is None:
        return [default] * dims
    if isinstance(option, int):
        return [option] * dims
    values = [int(o) for o in option]
    return values * dims if len(values) == 1 else values


def _patches(x: Tensor, options: Any, kernel: Sequence[int]) -> Tensor:
    """(b, c, places …) → (b, groups, new places …, c / groups, taps …), nothing copied but the padding."""
    dims = len(kernel)
    stride, dilation = (_per_dim(options.get(name), dims, 1) for name in ("stride", "dilation"))
    padding = options.get("padding")
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pads = [(t // 2, t - t // 2) for t in total]
    else:
        pads = [(p, p) for p in _per_dim(None if padding == "valid" else padding, dims, 0)]
    return _windows(F.pad(x, [p for pair in reversed(pads) for p in pair]), kernel, stride, dilation, options)


def _transposed_patches(x: Tensor, options: Any, kernel: Sequence[int]) -> Tensor:
    """A transposed convolution is a convolution of the input with zeros between its places and the taps reversed."""
    dims = len(kernel)
    stride, dilation = (_per_dim(options.get(name), dims, 1) for name in ("stride", "dilation"))
    padding, extra = (_per_dim(options.get(name), dims, 0) for name in ("padding", "output_padding"))
    spread = x.new_zeros(*x.shape[:2], *((n - 1) * s + 1 for n, s in zip(x.shape[2:], stride, strict=True)))
    spread[(slice(None), slice(None), *(slice(None, None, s) for s in stride))] = x
    reach = [d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True)]
    pads = [(r, r + e) for r, e in zip(reach, extra, strict=True)]
    padded = F.pad(spread, [p for pair in reversed(pads) for p in pair])
    return _windows(padded.flip(*range(-dims, 0)), kernel, [1] * dims, dilation, options)  # reversed places and taps


def _windows(x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], options: Any) -> Tensor:
    dims = len(kernel)
    x = x.unflatten(1, (int(options.get("groups", 1)), -1))
    for dim, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = x.unfold(3 + dim, d * (k - 1) + 1, s)[..., ::d]
    return x.movedim(2, 2 + dims)
