"""Statistics of a merged network, estimated in one pass in train mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from lmc_core.graph.untraced import Replace
from lmc_core.networks.network import State
from lmc_core.paths.batches import Batches
from lmc_core.paths.layers import Layer, Norm, Plan, bound
from lmc_core.paths.line import Correction, Line, at_ends, beyond, key
from lmc_core.paths.path import blend
from lmc_core.report import Report

EPSILON = 1e-5


class Average:
    """Mean over batches of per-unit means and variances: what torch's BatchNorm keeps with momentum=None."""

    def __init__(self) -> None:
        self.mean = self.variance = torch.zeros(())
        self.count = 0

    def add(self, mean: Tensor, variance: Tensor) -> None:
        """Take in mean and variance of one more batch, (units,) each."""
        self.count += 1
        first = self.count == 1
        self.mean = mean if first else torch.lerp(self.mean, mean, 1 / self.count)
        self.variance = variance if first else torch.lerp(self.variance, variance, 1 / self.count)

    @property
    def deviation(self) -> Tensor:
        """The standard deviation of every unit, (units,)."""
        return (self.variance + EPSILON).sqrt()


Averages = defaultdict[str, Average]


def estimate(
    lines: Sequence[Line], plan: Plan, calibration: Batches, ts: Sequence[float], report: Report
) -> list[list[Correction]]:
    """The correction of every line at every t.

    Within a batch, BatchNorms normalise by the batch, and every layer of the plan is given the mean and deviation that
    the ends have on *this* batch: with identical ends no value changes, whatever the number of batches.
    """
    if not plan.values + plan.statistics:
        return [[Correction() for _ in ts] for _ in lines]
    merged = [[Averages(Average) for _ in ts] for _ in lines]
    at_end: defaultdict[tuple[int, ...], Averages] = defaultdict(lambda: Averages(Average))
    unread = {} if plan.layers else beyond(lines)
    total = len(calibration) * len(lines) * len(ts)
    done = 0
    report("recalibrate", done, total)
    for index in range(len(calibration)):
        inputs = calibration[index].inputs
        now: defaultdict[tuple[int, ...], Averages] = defaultdict(lambda: Averages(Average))

        def observed(state: State, now: Mapping[tuple[int, ...], Averages] = now) -> dict[str, Replace]:
            end = key(state)
            return unread | {layer.value: _observe(layer, (now[end], at_end[end])) for layer in plan.layers}

        for i, ends in enumerate(at_ends(lines, inputs, observed)):
            a, b = now[key(lines[i].a)], now[key(lines[i].b)]
            for j, t in enumerate(ts):
                lines[i].run(
                    t,
                    inputs,
                    ends,
                    instead={norm.value: _reset(norm, merged[i][j]) for norm in plan.norms},
                    after={n.value: _repair(n, a[n.value], b[n.value], t, merged[i][j]) for n in plan.layers},
                )
                done += 1
                report("recalibrate", done, total)
    return [
        [_correction(plan, at_end[key(each.a)], at_end[key(each.b)], t, seen) for t, seen in zip(ts, row, strict=True)]
        for each, row in zip(lines, merged, strict=True)
    ]


def _correction(plan: Plan, a: Averages, b: Averages, t: float, merged: Averages) -> Correction:
    """Running statistics, and γ = (1−t)·σ_A + t·σ_B, β = (1−t)·μ_A + t·μ_B as scale γ/σ̂ and shift β − μ̂·γ/σ̂."""
    statistics: dict[str, Tensor] = {}
    for norm in plan.norms:
        statistics |= {norm.mean: merged[norm.mean].mean, norm.variance: merged[norm.mean].variance}
    affine = {}
    for layer in plan.layers:
        first, last, middle = a[layer.value], b[layer.value], merged[layer.value]
        scale = blend(first.deviation, last.deviation, t) / middle.deviation
        shift = blend(first.mean, last.mean, t) - scale * middle.mean
        affine[layer.value] = (layer.spread(scale), layer.spread(shift))
    return Correction(statistics, affine)


def _reset(norm: Norm, merged: Averages) -> Replace:
    """A BatchNorm in train mode that keeps the mean and the unbiased variance of every batch."""

    def run(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = bound(op, args, kwargs)
        mean, variance = torch.zeros_like(given["running_mean"]), torch.ones_like(given["running_var"])
        y = batch_norm(given["input"], mean, variance, given["weight"], given["bias"], True, 1.0, given["eps"])
        merged[norm.mean].add(mean, variance)
        return y if str(op).startswith("aten.batch_norm.") else (y, mean, variance)

    return run


def _observe(layer: Layer, averages: Sequence[Averages]) -> Replace:
    """The layer as it is, its statistics noted."""

    def run(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        z = op(*args, **kwargs)
        mean, variance = layer.statistics(z)
        for average in averages:
            average[layer.value].add(mean, variance)
        return z

    return run


def _repair(layer: Layer, a: Average, b: Average, t: float, merged: Averages) -> Callable[[Tensor], Tensor]:
    """z ↦ σ·(z − μ̂)/σ̂ + μ, with (μ, σ) those of the ends on this batch, interpolated."""

    def alter(z: Tensor) -> Tensor:
        mean, variance = layer.statistics(z)
        merged[layer.value].add(mean, variance)
        scale = blend(a.deviation, b.deviation, t) / (variance + EPSILON).sqrt()
        shift = blend(a.mean, b.mean, t) - scale * mean
        return torch.addcmul(layer.spread(shift), z, layer.spread(scale))

    return alter
