"""Statistics after merging: BatchNorm reset and REPAIR, on any traced network.

An average of two networks has pre-activations of too little variance (Jordan 2022). BatchNorm reset re-estimates the
running statistics of every BatchNorm; REPAIR gives every unit of every hidden linear or convolutional layer the mean
and the deviation it has at the ends, interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.data.dataset import Dataset
from lmc_core.graph.trace import Trace
from lmc_core.graph.untraced import Untraced, trace_or_whole
from lmc_core.networks.network import Network
from lmc_core.paths.batches import Batches, batches
from lmc_core.paths.layers import Layer, Recalibration, batch_norms, plan
from lmc_core.paths.layout import Layout
from lmc_core.paths.line import Correction, Line, line, scaled
from lmc_core.paths.path import Path
from lmc_core.paths.statistics import estimate
from lmc_core.report import Report, silent

EXAMPLES = 4096
"""Training examples that statistics are estimated from; fewer if there are fewer."""


@dataclass(frozen=True, eq=False)
class Recalibrated:
    """A point of a path with its statistics put right.

    network   running statistics replaced; scales and shifts folded into weights and biases
    affine    graph value → (scale, shift) that could not be folded: no bias, or a shared weight
    notes     sentences for the user about what was left as it is
    """

    network: Network
    affine: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs for prepared inputs (rows, …), with the corrections that are not folded."""
        if not self.affine:
            return self.network(inputs)
        override = {name: scaled(scale, shift) for name, (scale, shift) in self.affine.items()}
        return trace_or_whole(self.network, len(inputs)).run(self.network.state, (inputs,), override=override)[0]


def recalibrate(
    path: Path,
    data: Dataset,
    t: float = 0.5,
    *,
    method: Recalibration = "repair",
    examples: int = EXAMPLES,
    batch: int = 256,
    seed: int = 0,
    report: Report = silent,
) -> Recalibrated:
    """The network at one point of a path, recalibrated on training examples.

    method     "bn-reset": running statistics only; "repair": these, and every hidden linear or convolutional layer that
               no BatchNorm follows: z ↦ γ·(z − μ̂)/σ̂ + β with γ = (1−t)·σ_A + t·σ_B, β = (1−t)·μ_A + t·μ_B (Jordan 2022)
    examples   drawn by `seed`, cut into whole batches of `batch` rows
    """
    network = path.network
    traced = trace_or_whole(network, min(batch, len(data.x_train)))
    chosen = plan(network, traced, method)
    rows = np.random.default_rng(seed).permutation(len(data.x_train))
    calibration = calibration_batches(network, data, rows, traced.batch, examples)
    lines = [line(path, traced, cut=chosen.values, moving=chosen.statistics)]
    (correction,) = estimate(lines, chosen, calibration, [t], report)[0]
    return _folded(network.with_state({**path(t), **correction.statistics}), correction, chosen.layers, chosen.notes)


def default_recalibration(network: Network) -> Recalibration | None:
    """What a path of this network needs: "bn-reset" if it normalises by running statistics, else nothing."""
    if next(network.module.buffers(), None) is None:  # running statistics are buffers
        return None
    traced = trace_or_whole(network, 2)
    return "bn-reset" if not isinstance(traced, Untraced) and batch_norms(traced) else None


def calibration_batches(
    network: Network,
    data: Dataset,
    rows: NDArray[np.int64],
    size: int,
    examples: int = EXAMPLES,
    layout: Layout | None = None,
) -> Batches:
    """Whole batches of training examples: `rows` in the order given, as many as make up `examples`."""
    count = max(min(len(rows), examples) // size, 1) * size
    return batches(network, data.x_train[rows[:count]], data.y_train[rows[:count]], size, layout, asked=data.task)


def corrected_lines(
    paths: Sequence[Path],
    traced: Trace | Untraced,
    calibration: Batches,
    t: NDArray[np.float64],
    method: Recalibration,
    layout: Layout,
    report: Report = silent,
) -> tuple[list[Line], list[list[Correction]], tuple[str, ...]]:
    """Lines ready for recalibrated evaluation, one correction per path and t (none at the ends), and notes."""
    chosen = plan(paths[0].network, traced, method)
    lines = [line(path, traced, cut=chosen.values, moving=chosen.statistics, layout=layout) for path in paths]
    between = estimate(lines, chosen, calibration, [float(x) for x in t[1:-1]], report)
    return lines, [[Correction(), *each, Correction()] for each in between], chosen.notes


def _folded(network: Network, correction: Correction, layers: Sequence[Layer], notes: tuple[str, ...]) -> Recalibrated:
    """Scale and shift as w ← w·s, b ← b·s + shift wherever the layer has both to itself."""
    from lmc_core.graph.trace import trace, working_batch

    traced = trace(network, working_batch(network, 2))
    users = {
        name: sum(len(n.users) for n in traced.graph.nodes if traced.tensors.get(n.name) == name)
        for name in network.state
    }
    state = dict(network.state)
    left = {}
    for layer in layers:
        scale, shift = correction.affine[layer.value]
        weight, bias, axis = layer.contraction.weight, layer.contraction.bias, layer.contraction.write
        if bias is None or users[weight] != 1 or users[bias] != 1 or state[weight].shape[axis] != scale.numel():
            left[layer.value] = (scale, shift)
            continue
        shape = [1] * state[weight].ndim
        shape[axis] = -1
        state[weight] = state[weight] * scale.reshape(shape)
        state[bias] = torch.addcmul(shift.flatten(), state[bias], scale.flatten())
    return Recalibrated(network.with_state(state), left, notes)
