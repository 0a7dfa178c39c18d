"""The function gap: how far the network between two networks is from the mixture of their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.report import Report, silent

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network

EXAMPLES = 1_000


@dataclass(frozen=True, eq=False)
class Gap:
    """The gap along one path, and the loss it bounds, on the same test examples.

    t        (n,) positions
    gap      (n,) g(t) = mean over examples of ‖(1−t) f_A(x) + t f_B(x) − f_θ(t)(x)‖, f the logits: the quantity that
             Theorem 3.1 of Ferbach 2023 bounds
    excess   (n,) L(θ_t) − (1−t) L(θ_A) − t L(θ_B): the barrier is its maximum
    """

    t: NDArray[np.float64]
    gap: NDArray[np.float64]
    excess: NDArray[np.float64]
    examples: int

    @property
    def bound(self) -> NDArray[np.float64]:
        """√2·g(t) ≥ excess(t): cross-entropy is convex and √2-Lipschitz in the logits."""
        bound: NDArray[np.float64] = np.sqrt(2) * self.gap
        return bound


def function_gap(
    a: Network,
    b: Network,
    data: Dataset,
    *,
    points: int = 25,
    recalibrate: Any = None,
    train_examples: int | None = EXAMPLES,
    test_examples: int | None = EXAMPLES,
    seed: int = 0,
    report: Report = silent,
) -> Gap:
    """The gap along the straight line from a to b, on test examples.

    recalibrate      as for `evaluate`, from training examples
    train_examples   how many are drawn by `seed`; None = all. test_examples likewise
    """
    import torch

    from lmc_core.data.dataset import subset
    from lmc_core.graph.untraced import trace_or_whole
    from lmc_core.paths.batches import batches, score
    from lmc_core.paths.line import Correction, at_ends, line
    from lmc_core.paths.path import LinearPath
    from lmc_core.paths.recalibrate import calibration_batches, corrected_lines

    t = np.linspace(0.0, 1.0, points)
    rows = subset(len(data.x_test), test_examples, seed)
    traced = trace_or_whole(a, min(256, len(rows)))
    split = batches(a, data.x_test[rows], data.y_test[rows], traced.batch, asked=data.task)
    path = LinearPath(a, b)
    corrections = [Correction()] * points
    if recalibrate is None:
        drawn = line(path, traced)
    else:
        train = np.random.default_rng(seed).permutation(subset(len(data.x_train), train_examples, seed))
        calibration = calibration_batches(a, data, train, traced.batch)
        (drawn,), (corrections,), _ = corrected_lines([path], traced, calibration, t, recalibrate, split.layout, report)
    gaps, losses = np.zeros(points), np.zeros(points)
    seen = targets = 0
    for number in range(len(split)):
        batch = split[number]
        ends = next(at_ends([drawn], batch.inputs))
        first, last = (batch.task.logits(returned)[: batch.count].double() for returned in ends.outputs)
        for k, s in enumerate(t):
            report("the function gap", number * points + k, len(split) * points)
            whole = ends.outputs[k > 0] if k in (0, points - 1) else None
            if whole is None:
                whole = drawn.corrected(float(s), batch.inputs, ends, corrections[k])
            distance = torch.linalg.vector_norm(
                (1 - s) * first + s * last - batch.task.logits(whole)[: batch.count].double(), dim=-1
            )
            gaps[k] += float(distance.sum())
            losses[k] += float(score(whole, batch)[0])
        seen += first[..., 0].numel()
        targets += batch.targets.numel()
    losses /= max(targets, 1)
    return Gap(t, gaps / max(seen, 1), losses - (1 - t) * losses[0] - t * losses[-1], len(rows))
