"""One fusion from beginning to end: fused, fine-tuned, measured beside its parents and their average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from lmc_core.alignment.coupling import Coupling
from lmc_core.data.dataset import Dataset
from lmc_core.figures.fuse_words import fuse_finding
from lmc_core.fusion.fuse import FusionResult, fusion
from lmc_core.fusion.outcome import Outcome, Scores
from lmc_core.fusion.template import sizes
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.profile import Profile
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report, silent
from lmc_core.runs.bench import Clock, device_name, on_device, pick_device, within
from lmc_core.runs.card import ModelCard
from lmc_core.runs.facts import card_of, data_facts, versions
from lmc_core.runs.fused import FuseResult
from lmc_core.training.finetune import finetune as train_on
from lmc_core.training.finetune import measure

FUSE, MEASURE, PATHS = "Fusing the networks", "Measuring them", "Following the paths"
PLAIN = "vanilla-average"
KEPT = 0.01
"""A path starts at a parent only if carrying it to the fused frame changes its outputs by less, relative."""


def fuse_run(
    networks: Sequence[Network],
    data: Dataset,
    *,
    method: str = "wasserstein-barycenter",
    settings: Mapping[str, Any] | None = None,
    weights: Sequence[float] | None = None,
    widths: int | Mapping[str, int] | None = None,
    recalibrate: str | None = "auto",
    temperature: bool = False,
    finetune: int = 0,
    rate: float = 0.01,
    points: int = 11,
    seed: int = 0,
    train_examples: int | None = None,
    device: str = "auto",
    models: Sequence[ModelCard] = (),
    request: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    report: Report = silent,
) -> tuple[FuseResult, Network]:
    """Fuse networks; measure them, their plain average and the fused one; fine-tune if asked; follow the paths.

    recalibrate      "auto": reset where the networks have running statistics
    finetune, rate   epochs of training the fused network on, and their learning rate
    points           on the path from each parent to the network at the end
    train_examples   only the first so many training examples are used, for everything; None: all
    models           their cards, where they come from the library; `request`, `notes`: kept with the result

    Other arguments as of `fusion`. Returns the result and the network at the end. Raises InputError if the networks,
    the data and the settings do not fit together, Cancelled if `report` does.
    """
    clock, device = Clock(), pick_device(device)
    placed = [on_device(net, device) for net in networks]
    same = [net.architecture is not None and net.architecture == placed[0].architecture for net in placed]
    placed = [replace(net, module=placed[0].module) if alike else net for net, alike in zip(placed, same, strict=True)]
    data = limited(data, train_examples)
    recalibrate = default_recalibration(placed[0]) if recalibrate == "auto" else recalibrate
    used: dict[str, Any] = {"weights": weights, "data": data, "seed": seed, "recalibrate": recalibrate}
    used["temperature"] = temperature
    with clock("fuse"):
        found = fusion(placed, method, widths=widths, report=within(report, FUSE), **used, **dict(settings or {}))
    with clock("measure"):
        inner = within(report, MEASURE)
        average = _average(placed, method, used, inner)
        scores = []
        for done, net in enumerate(placed):
            inner("loss and accuracy", done, len(placed) + 1)
            scores.append(measure(net, data))
        fused = measure(found.network, data)
        plain = measure(average, data) if average else None
    network, curve = found.network, ()  # type: tuple[Network, tuple[Scores, ...]]
    if finetune:
        with clock("finetune"):
            network, curve = _tuned(network, data, finetune, rate, seed, within(report, MEASURE))
    with clock("paths"):
        kept = [error <= KEPT for error in found.function_errors]
        starts = [net for net, whole in zip(found.carried, kept, strict=True) if whole]
        how = {"points": points, "recalibrate": recalibrate, "seed": seed, "train_examples": None}
        inner = within(report, PATHS, details=False)
        to_fused = iter(_lines(starts, network, data, how, inner))
        to_average = _lines(placed, average, data, how, inner) if average else ()
    cards = tuple(models) or tuple(card_of(net) for net in networks)
    outcome = Outcome(
        names=tuple(card.name for card in cards),
        parents=tuple(scores),
        fused=fused,
        average=plain,
        curve=curve,
        paths=tuple(next(to_fused) if whole else None for whole in kept),
        average_paths=to_average,
    )
    network = _described(network, data, outcome.final, seed)
    result = FuseResult(
        request=request or {},
        models=cards,
        data=data_facts(data),
        method=method,
        settings=dict(found.settings),
        weights=found.weights,
        outcome=outcome,
        groups=sizes(found.symmetry),
        parent_groups=tuple({n: c.matrices[0].shape[-1] for n, c in each.items()} for each in found.couplings),
        sources=tuple({name: _sources(c) for name, c in each.items()} for each in found.couplings),
        function_errors=found.function_errors,
        history=found.history,
        converged=found.converged,
        recalibrate=recalibrate,
        temperature=found.temperature,
        fingerprint=network.fingerprint,
        seed=seed,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=fuse_finding(outcome, found.method, len(data.classes)).text,
        notes=(*notes, *found.notes, *_left_out(found, cards)),
    )
    return result, network


def limited(data: Dataset, count: int | None) -> Dataset:
    """The data with only the first so many training examples."""
    if count is None or count >= len(data.y_train):
        return data
    return replace(data, x_train=data.x_train[:count], y_train=data.y_train[:count])


def _average(networks: Sequence[Network], method: str, used: Mapping[str, Any], report: Report) -> Network | None:
    """The mean of the weights as they are, treated afterwards as the fused network is; None if shapes differ."""
    if method == PLAIN or any(mismatch(networks[0], net) for net in networks[1:]):
        return None
    return fusion(networks, PLAIN, report=report, **used).network


def _tuned(
    network: Network, data: Dataset, epochs: int, rate: float, seed: int, report: Report
) -> tuple[Network, tuple[Scores, ...]]:
    tuned = train_on(network, data, epochs, rate=rate, seed=seed, report=report)
    about = {**network.metadata["fusion"], "finetune": {"epochs": epochs, "rate": rate}}
    return replace(tuned.network, metadata={**network.metadata, "fusion": about}), tuned.curve


def _lines(
    starts: Sequence[Network], end: Network, data: Dataset, how: Mapping[str, Any], report: Report
) -> tuple[Profile, ...]:
    """The straight lines from several networks to one, all of its computation."""
    lines = [LinearPath(replace(net, module=end.module), end) for net in starts]
    return evaluate_many(lines, data, report=report, **how) if lines else ()


def _described(network: Network, data: Dataset, final: Scores, seed: int) -> Network:
    """The network on the CPU, with what it scores in its metadata."""
    about = {**network.metadata, "data": data.name, "seed": seed}
    about |= {kind: {split: final[split][kind] for split in final} for kind in ("accuracy", "loss")}
    return replace(on_device(network, "cpu"), metadata=about)


def _sources(coupling: Coupling) -> float:
    """Of how many units of the model a fused unit is made, 1 / Σ p² in the mean over units."""
    if coupling.is_hard:
        return 1.0
    shares = torch.as_tensor(coupling.matrices[0]).double()
    return float((1 / (shares**2).sum(-1).clamp(min=1e-12)).mean())


def _left_out(found: FusionResult, cards: Sequence[ModelCard]) -> list[str]:
    return [
        f"The path from {card.name} is left out: carried to the widths of the fused network its outputs change by "
        f"{100 * error:.0f}%, so the line would not start at it."
        for card, error in zip(cards, found.function_errors, strict=True)
        if error > KEPT
    ]
