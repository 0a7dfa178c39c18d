"""What is put right after fusing: statistics of BatchNorm and pre-activations, and the temperature of the softmax."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lmc_core.alignment.problem import Problem
from lmc_core.alignment.result import Result
from lmc_core.alignment.transport import to_template, transport
from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError
from lmc_core.graph.trace import Trace, trace, working_batch
from lmc_core.networks.network import Network
from lmc_core.paths.layers import Layer, plan
from lmc_core.paths.path import LinearPath
from lmc_core.paths.recalibrate import EXAMPLES, calibration_batches, recalibrate
from lmc_core.paths.statistics import Average
from lmc_core.paths.task import SEEN, Task
from lmc_core.report import Report, silent
from lmc_core.symmetry.infer import symmetry


def reset(
    network: Network, data: Dataset, *, seed: int = 0, report: Report = silent
) -> tuple[Network, tuple[str, ...]]:
    """Running statistics of every BatchNorm estimated anew on training examples, and notes."""
    found = recalibrate(LinearPath(network, network), data, method="bn-reset", seed=seed, report=report)
    return found.network, found.notes


def repair(problem: Problem, fused: Result, network: Network, data: Dataset) -> tuple[Network, tuple[str, ...]]:
    """REPAIR (Jordan 2022) for any number of models of any widths: z ↦ γ (z − μ̂)/σ̂ + β for every layer, folded.

    γ = Σ λ_i k π_i σ_i and β = Σ λ_i k π_i μ_i, the statistics of the models themselves carried to the template.
    Layers are corrected from input to output, each seeing the ones before corrected. Where a layer has no bias the
    shift has no place: z ↦ z γ/σ̂ then.
    """
    batch = working_batch(network, min(256, len(data.x_train)))
    traced = trace(network, batch)
    chosen = plan(network, traced, "repair")
    uses = symmetry(network, verify=False)
    layers = {layer.value: layer for layer in chosen.layers}
    goals = _goals(problem, fused, layers, data, batch)
    state, unshifted = dict(network.state), []
    for done, (value, layer) in enumerate(layers.items()):
        problem.report("recalibrate", done, len(layers))
        (now,) = _statistics(network.with_state(state), {value: layer}, data, batch, problem.seed).values()
        mean, deviation = (goal.to(now.mean) for goal in goals[value])
        weight, bias, axis = layer.contraction.weight, layer.contraction.bias, layer.contraction.write
        scale = deviation / now.deviation
        if scale.numel() != state[weight].shape[axis] or uses.roles.get((weight, axis)) == "both":
            continue
        shape = [1] * state[weight].ndim
        shape[axis] = -1
        state[weight] = state[weight] * scale.reshape(shape)
        if bias is None:
            unshifted.append(weight)
        else:
            state[bias] = (state[bias] - now.mean) * scale + mean
    notes = (f"REPAIR could scale but not shift layers without bias: {', '.join(unshifted)}.",) if unshifted else ()
    repaired = network.with_state(state)
    if chosen.norms:
        repaired, _ = reset(repaired, data, seed=problem.seed, report=problem.report)
    return repaired, (*chosen.notes, *notes)


def _goals(
    problem: Problem, fused: Result, layers: Mapping[str, Layer], data: Dataset, batch: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """(mean, deviation) that each layer should have: those of the models, carried and averaged."""
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for model, weight, couplings in zip(problem.models, problem.weights, fused.couplings, strict=True):
        turned = any(coupling.map is not None for coupling in couplings.values())  # a deviation does not rotate
        network = transport(model.network, model.symmetry, couplings) if turned else model.network
        averages = _statistics(network, layers, data, batch, problem.seed)
        for value, layer in layers.items():
            axes = () if turned else (model.symmetry.values[value][layer.axis],)
            mean, deviation = (
                weight * to_template(x, axes, model.symmetry, couplings)
                for x in (averages[value].mean, averages[value].deviation)
            )
            old = found.get(value)
            found[value] = (old[0] + mean, old[1] + deviation) if old else (mean, deviation)
    return found


def _statistics(
    network: Network, layers: Mapping[str, Layer], data: Dataset, batch: int, seed: int
) -> dict[str, Average]:
    """Mean and deviation of the units of every layer, over the same training examples for every network."""
    rows = np.random.default_rng(seed).permutation(len(data.x_train))
    averages = {value: Average() for value in layers}
    traced = trace(network, batch)
    calibration = calibration_batches(network, data, rows, batch, EXAMPLES)
    for number in range(len(calibration)):
        _, seen = traced.run(network.state, (calibration[number].inputs,), watch=tuple(layers))
        for value, layer in layers.items():
            averages[value].add(*layer.statistics(seen[value]))
    return averages


def calibrate(network: Network, data: Dataset, *, examples: int = EXAMPLES) -> tuple[Network, float, tuple[str, ...]]:
    """The network with its logits divided by the temperature that fits training examples best: accuracy stays, the
    loss of a merged network no longer suffers from logits that shrank (Guo 2017).

    Folded into the last layer. Returns the network, the temperature, and a note where it could not be folded.
    """
    batch = working_batch(network, min(256, len(data.x_train)))
    x, y = data.x_train[:examples], data.y_train[:examples]
    logits = []
    few, targets = (torch.as_tensor(part).to(network.device) for part in (x[:SEEN], y))
    task = Task.of(network, few, targets, data.task)
    if task.kind != "classification":
        raise DataError(f"a temperature needs one class per example; the targets are of the kind {task.kind!r}")
    example = network.example_inputs[0]
    for start in range(0, len(x) - batch + 1, batch):
        part = torch.as_tensor(np.ascontiguousarray(x[start : start + batch])).to(example.device, example.dtype)
        logits.append(task.logits(network(network.prepare(part))).double())
    scores = torch.cat(logits)
    if scores.ndim != 2:
        raise DataError(
            f"a temperature needs one row of logits per example; the output has shape {tuple(scores.shape)}"
        )
    temperature = _best_temperature(scores, torch.as_tensor(y[: len(scores)]).to(scores.device))
    traced = trace(network, working_batch(network, 2))
    found = symmetry(network, verify=False)
    last = [c for c in found.contractions if c.output in _last(traced)]
    uses = [c.weight for c in found.contractions]
    if len(last) != 1 or uses.count(last[0].weight) != 1:
        note = f"the temperature {temperature:.3g} could not be folded into the last layer and is left out"
        return network, temperature, (note,)
    names = {last[0].weight, *([last[0].bias] if last[0].bias else [])}
    return (
        network.with_state({k: t / temperature if k in names else t for k, t in network.state.items()}),
        temperature,
        (),
    )


def _last(traced: Trace) -> set[str]:
    """Names of the output and of what it is a mere view of."""
    nodes = {node.name: node for node in traced.graph.nodes}
    names = set(traced.outputs)
    for name in traced.outputs:
        node = nodes[name]
        while str(node.target).startswith(("aten.view", "aten.reshape", "aten.squeeze", "aten.alias", "aten.flatten")):
            node = node.all_input_nodes[0]
            names.add(node.name)
    return names


def _best_temperature(logits: Tensor, labels: Tensor) -> float:
    """argmin over T of the mean cross-entropy of logits / T, by golden section in log T (it is convex in 1/T)."""

    def loss(log: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits / np.exp(log), labels))

    low, high, ratio = -8.0, 8.0, (5**0.5 - 1) / 2
    while high - low > 1e-6:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))
