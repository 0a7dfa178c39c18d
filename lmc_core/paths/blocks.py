"""Lines at all points, for a few batches at a time: a state between the ends is made once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from torch import Tensor

from lmc_core.paths.batches import CACHE, Batch, scores, widest
from lmc_core.paths.line import Correction, Ends, Line, at_ends

MOST = 8
"""Batches that are computed together at most."""
KEPT = 32 << 20
"""Bytes of what their points share that is kept for them together, beyond that of one batch."""
STACK = 256 << 20
"""Bytes of stacked states that are always allowed on a GPU, however small the networks are."""

Scores = tuple[Tensor, Tensor]


def measured(
    lines: Sequence[Line],
    t: np.ndarray,
    parts: Sequence[Batch],
    corrections: Sequence[Sequence[Correction]],
    done: Callable[[], None],
) -> tuple[list[list[dict[int, Scores]]], int]:
    """For every batch and line: point → loss and right answers; and the bytes that the points of one batch share.

    done   called after every point
    """
    ends = [list(at_ends(lines, part.inputs)) for part in parts]
    found: list[list[dict[int, Scores]]] = [[{} for _ in lines] for _ in parts]
    for i, each in enumerate(lines):
        for j, k, output in _points(each, t, parts, [one[i] for one in ends], corrections[i]):
            found[j][i][k] = scores(output, parts[j])
            done()
    shared = {id(x): x.nbytes for one in ends[0] for values in one.values for x in values.values()}
    return found, sum(shared.values())


def together(shared: int, before: int) -> int:
    """How many batches come next: twice as many as before, so that something is seen early, while there is room.

    shared   bytes that the points of one batch share
    """
    return max(1, min(2 * before, MOST, KEPT // max(shared, 1)))


def _points(
    each: Line, t: np.ndarray, parts: Sequence[Batch], ends: Sequence[Ends], corrections: Sequence[Correction]
) -> Iterator[tuple[int, int, Tensor]]:
    """(number of the batch, of the point, output there); the ends first."""
    last = len(t) - 1
    for j, one in enumerate(ends):
        yield j, 0, one.outputs[0]
        yield j, last, one.outputs[1]
    stacked = _stacked(each, t)
    if stacked == 1:
        for k in range(1, last):
            state = each.at(float(t[k]))
            for j, (part, one) in enumerate(zip(parts, ends, strict=True)):
                yield j, k, each.corrected(float(t[k]), part.inputs, one, corrections[k], state)
        return
    for start in range(1, last, stacked):
        chosen = range(start, min(start + stacked, last))
        for j, (part, one) in enumerate(zip(parts, ends, strict=True)):
            for k, output in zip(chosen, _outputs(each, t, chosen, part, one, corrections), strict=True):
                yield j, k, output


def _outputs(
    each: Line, t: np.ndarray, chosen: range, examples: Batch, ends: Ends, corrections: Sequence[Correction]
) -> Iterable[Tensor]:
    """Outputs at the chosen points for one batch, in one batched call where torch can."""
    try:
        return each.stacked(
            [float(t[k]) for k in chosen], examples.inputs, ends, [corrections[k] for k in chosen]
        ).unbind()
    except (RuntimeError, AttributeError):  # not batched by torch, too little memory, or several tensors
        return (each.corrected(float(t[k]), examples.inputs, ends, corrections[k]) for k in chosen)


def _stacked(each: Line, t: np.ndarray) -> int:
    """How many t are computed as one batched call: on a GPU what memory allows where that is faster, else one."""
    network = each.path.network
    if network.device.type != "cuda" or not each.faster_stacked:
        return 1
    whole = sum(x.nbytes for x in network.state.values())
    state = sum(network.state[name].nbytes for name in each.shared.tensors)
    values = widest(each.trace, network) * each.trace.batch
    return max(1, min(len(t), max(STACK, 4 * whole) // max(state, 1), 4 * CACHE["cuda"] // max(values, 1)))
