"""What experiments measure of networks: half-way after an alignment, along the line, fused, and their dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lmc_core.alignment.moments import Moment, input_moments
from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics.dimension import dimension, spectrum
from lmc_core.fusion.fuse import Widths, fusion
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.network import Network
from lmc_core.paths.path import LinearPath
from lmc_core.paths.recalibrate import Recalibrated, Recalibration, recalibrate
from lmc_core.report import Report
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.training.finetune import measure

Scores = Mapping[str, float]
"""loss and accuracy on the test examples"""

Pair = Callable[[Network, Network], Any]


def alone(data: Dataset) -> Callable[[Network], Scores]:
    """The scores of one network."""

    def measured(network: Network) -> Scores:
        return measure(network, data, ("test",))["test"]

    return measured


def aligned(
    a: Network, b: Network, method: str, settings: Mapping[str, Any], data: Dataset, examples: int, report: Report
) -> LinearPath:
    """The line from A to B in A's order; `examples` for methods that look at them, 0 = all."""
    given = {**settings, **({"examples": examples} if METHODS[method].needs_data else {})}
    b = a.with_state(b.state)  # one module, so that it is traced once
    found = symmetry(a, verify=False)
    return LinearPath(a, align(a, b, method, data, symmetry=found, report=report, **given).transport(b))


def halfway(
    method: str,
    settings: Mapping[str, Any],
    data: Dataset,
    *,
    examples: int,
    report: Report,
    after: Sequence[Recalibration] = (),
) -> Pair:
    """Scores at t = ½ as they are ("plain"), and after every recalibration."""

    def measured(a: Network, b: Network) -> dict[str, Scores]:
        path = aligned(a, b, method, settings, data, examples, report)
        middles: dict[str, Network | Recalibrated] = {"plain": a.with_state(path(0.5))}
        for how in after:
            middles[how] = recalibrate(path, data, method=how, report=report)
        return {how: measure(middle, data, ("test",))["test"] for how, middle in middles.items()}

    return measured


def fused(
    method: str,
    settings: Mapping[str, Any],
    data: Dataset,
    seed: int,
    report: Report,
    *,
    widths: Widths = None,
) -> Callable[..., Scores]:
    """The scores of several networks fused, without training; methods that compare activations look at `data`."""

    def measured(*networks: Network) -> Scores:
        told = data if "compare" in settings else None
        found = fusion(networks, method, widths=widths, data=told, seed=seed, report=report, **settings)
        return alone(data)(found.network)

    return measured


def along(
    method: str,
    settings: Mapping[str, Any],
    data: Dataset,
    *,
    examples: int,
    report: Report,
    points: int = 11,
    splits: Sequence[str] = ("test",),
) -> Pair:
    """Per split the losses and accuracies at evenly spaced t, and the barriers: the largest rise over the chord."""

    def measured(a: Network, b: Network) -> dict[str, Any]:
        path = aligned(a, b, method, settings, data, examples, report)
        ts = np.linspace(0, 1, points)
        scores = [measure(a.with_state(path(float(t))), data, splits) for t in ts]
        found: dict[str, Any] = {}
        for split in splits:
            curves = {what: np.array([score[split][what] for score in scores]) for what in ("loss", "accuracy")}
            chords = {what: (1 - ts) * curve[0] + ts * curve[-1] for what, curve in curves.items()}
            found[split] = {
                **{what: curve.tolist() for what, curve in curves.items()},
                "barrier": float((curves["loss"] - chords["loss"]).max()),
                "accuracy barrier": float((chords["accuracy"] - curves["accuracy"]).max()),
            }
        return found

    return measured


def dimensions(data: Dataset, *, examples: int, report: Report) -> Callable[[Network], dict[str, dict[str, float]]]:
    """Group → approximate dimensions of one network (Ferbach 2024, §5): of WᵀW ("weights"), of W Σ Wᵀ ("seen"), of
    the second moment of the activations ("activations"), and of the last two with the means taken out ("… centred")."""

    def measured(network: Network) -> dict[str, dict[str, float]]:
        found = symmetry(network, verify=False)
        x = data.x_train[:examples] if examples else data.x_train
        moments = input_moments(network, found, x, report=report)
        return {group: _dimensions(network, found, group, moments) for group in found.groups}

    return measured


def _dimensions(network: Network, found: Symmetry, group: str, moments: Sequence[Moment | None]) -> dict[str, float]:
    own = dimension(network, found, group, moments)
    values = {"weights": own.weights.dimension}
    if own.seen and own.centred:
        values |= {"seen": own.seen.dimension, "seen centred": own.centred.dimension}
    read = [
        moment
        for contraction, moment in zip(found.contractions, moments, strict=True)
        if moment is not None and any(value == contraction.input for value, _ in found.reads.get(group, ()))
    ]
    if read and not read[0].diagonal:
        second, mean = read[0].second.cpu().numpy(), read[0].mean.cpu().numpy()
        values["activations"] = _of(second)
        values["activations centred"] = _of(second - np.outer(mean, mean))
    return values


def _of(moment: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Dim(S) of a symmetric S, by a root of it."""
    values, vectors = np.linalg.eigh(moment)
    return spectrum(vectors * np.sqrt(values.clip(min=0))).dimension
