"""One fusion from beginning to end: fused, fine-tuned, measured beside its parents and their average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from lmc_core.alignment.coupling import Coupling
from lmc_core.alignment.template import sizes
from lmc_core.data.dataset import Dataset
from lmc_core.fusion.fuse import FusionResult, fusion
from lmc_core.fusion.outcome import Outcome, Scores
from lmc_core.networks.fit import mismatch, of_one_precision
from lmc_core.networks.network import Network
from lmc_core.networks.scale import doubted
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.paths.task import SEEN, Task
from lmc_core.report import Report, silent
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.fuse import ARTIFACTS, STAGES, FuseResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.work.device import device_name, on_device, pick_device
from lmc_core.runs.work.facts import card_of, data_facts, versions
from lmc_core.runs.work.fuse_paths import lines, starts
from lmc_core.runs.work.models import open_model, open_pair
from lmc_core.runs.work.pair import unchanged
from lmc_core.runs.work.stages import Clock, within
from lmc_core.training.finetune import finetune as train_on
from lmc_core.training.finetune import measure
from lmc_core.words.fuse import fuse_finding

READ, FUSE, MEASURE, PATHS = STAGES
FUSED = ("method", "settings", "widths", "canonical", "recalibrate", "temperature")
HOW = (*FUSED, "finetune", "rate", "paths", "points", "seed")
"""Options that `fuse_run` takes as a request has them."""
PLAIN = "vanilla-average"
BATCH = 500  # examples
Number = TypeVar("Number", int, float)


def fuse_run(
    networks: Sequence[Network],
    data: Dataset,
    *,
    method: str = "wasserstein-barycenter",
    settings: Mapping[str, Any] | None = None,
    weights: Sequence[float] | None = None,
    widths: int | Mapping[str, int] | None = None,
    canonical: bool = False,
    recalibrate: str | None = "auto",
    temperature: bool = False,
    finetune: int = 0,
    rate: float = 0.01,
    paths: bool = True,
    points: int = 11,
    seed: int = 0,
    train_examples: int | None = None,
    test_examples: int | None = None,
    device: str = "auto",
    models: Sequence[ModelCard] = (),
    request: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    report: Report = silent,
) -> tuple[FuseResult, Network]:
    """Fuse networks; measure them, their plain average and the fused one; fine-tune and follow the paths if asked.

    recalibrate      "auto": reset where the networks have running statistics
    finetune, rate   epochs of training the fused network on, and their learning rate
    paths, points    whether the path from each parent to the network at the end is followed, and at how many points
    train_examples   so many training examples are used for everything, drawn by `seed`; None: all; test_examples alike
    models           their cards, where they come from the library; `request`, `notes`: kept with the result

    Other arguments as of `fusion`. Returns the result and the network at the end. Raises InputError if the networks,
    the data and the settings do not fit together, Cancelled if `report` does.
    """
    doubts = doubted(networks, data)
    clock, device = Clock(), pick_device(device)
    placed = [on_device(net, device) for net in of_one_precision(*networks)]
    same = [net.architecture is not None and net.architecture == placed[0].architecture for net in placed]
    placed = [replace(net, module=placed[0].module) if alike else net for net, alike in zip(placed, same, strict=True)]
    data = data.drawn(train_examples, test_examples, seed=seed)
    recalibrate = default_recalibration(placed[0]) if recalibrate == "auto" else recalibrate
    used: dict[str, Any] = {"weights": weights, "data": data, "seed": seed, "recalibrate": recalibrate}
    used["temperature"] = temperature
    with clock("fuse"):
        found = fusion(
            placed,
            method,
            widths=widths,
            canonical=canonical,
            report=within(report, FUSE),
            **used,
            **dict(settings or {}),
        )
    with clock("measure"):
        inner = within(report, MEASURE)
        average = _average(placed, method, used, inner)
        outcome = _measured(placed, found, average, data, inner)
    cards = tuple(models) or tuple(card_of(net) for net in networks)
    network, outcome = found.network, replace(outcome, names=tuple(card.name for card in cards))
    if finetune:
        with clock("finetune"):
            network, curve = _tuned(network, data, finetune, rate, seed, within(report, MEASURE))
            outcome = replace(outcome, curve=curve)
    late: tuple[str, ...] = ()
    if paths:
        with clock("paths"):
            begins = starts(found, outcome.names)
            how = {"points": points, "recalibrate": recalibrate, "seed": seed, "train_examples": None}
            inner = within(report, PATHS, details=False)
            plain = lines(placed, average, data, how, inner) if average else ()
            outcome = replace(
                outcome,
                paths=lines(begins.networks, network, data, how, inner),
                average_paths=tuple(path for path in plain if path is not None),
            )
            late = begins.notes
    network = _described(network, data, outcome.final, seed)
    result = FuseResult(
        request=request or {},
        models=cards,
        data=data_facts(data),
        method=method,
        outcome=outcome,
        recalibrate=recalibrate,
        fingerprint=network.fingerprint,
        seed=seed,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=" ".join([fuse_finding(outcome, method, len(data.classes)).text, *doubts]),
        notes=(*doubts, *notes, *found.notes, *late),
        **_facts(found),
    )
    return result, network


def work(request: Request, report: Report, folder: Path, device: str) -> FuseResult:
    """Open the networks, fuse them, and keep the fused one."""
    networks, cards, notes = _opened(request, report)
    result, network = fuse_run(
        networks,
        datasets.read(request["data"], request["task"]),
        **how(request),
        device=device,
        models=cards,
        request={"kind": "fuse", **request.options},
        notes=notes,
        report=report,
    )
    if network.architecture is not None:
        network.save(str(folder / ARTIFACTS[0]))
    else:
        network.export(str(folder / ARTIFACTS[1]))
    return result


def how(request: Request) -> dict[str, Any]:
    """What a request says of the fusion, as arguments of `fuse_run`."""
    weights = request["weights"]
    return {
        **{name: request[name] for name in HOW},
        "weights": None if len(set(weights)) == 1 else weights,  # equal, as anybody gets who does not name them
        **{name: counted(request[name]) for name in ("train_examples", "test_examples")},
    }


def _opened(request: Request, report: Report) -> tuple[list[Network], list[ModelCard], tuple[str, ...]]:
    """The networks of a request, each computed as the first where its file does not say how."""
    cards = [unchanged(request, model) for model in request["models"]]
    networks, notes = [open_model(cards[0])], []
    for done, card in enumerate(cards[1:], 1):
        report(READ, done, len(cards))
        networks[0], other, taken = open_pair(cards[0], card)
        networks.append(other)
        if taken:
            notes.append(f"{cards[0].name} and {card.name} are computed alike: the file of one does not say how.")
    return networks, cards, tuple(notes)


def _average(networks: Sequence[Network], method: str, used: Mapping[str, Any], report: Report) -> Network | None:
    """The mean of the weights as they are, treated afterwards as the fused network is; None if shapes differ."""
    if method == PLAIN or any(mismatch(networks[0], net) for net in networks[1:]):
        return None
    return fusion(networks, PLAIN, report=report, **used).network


def _measured(
    networks: Sequence[Network], found: FusionResult, average: Network | None, data: Dataset, report: Report
) -> Outcome:
    """What all of them score."""
    every = [*networks, found.network, *([average] if average else [])]
    scores = []
    for done, net in enumerate(every):
        report("loss and accuracy", done, len(every))
        scores.append(measure(net, data))
    count = len(networks)
    return Outcome(
        names=(),
        parents=tuple(scores[:count]),
        fused=scores[count],
        average=scores[-1] if average else None,
        ensemble=_ensemble(networks, found.weights, data, report),
    )


def _ensemble(networks: Sequence[Network], weights: Sequence[float], data: Dataset, report: Report) -> Scores:
    """Loss and accuracy of Σ λ_i softmax f_i, or of the mean of what the networks say of labels and numbers."""
    example = networks[0].example_inputs[0]
    few, targets = (torch.from_numpy(part).to(example.device) for part in (data.x_test[:SEEN], data.y_test))
    tasks = [Task.of(net, few, targets, data.task) for net in networks]
    found = {}
    for split, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test)):
        loss, right, count = 0.0, 0, 0
        for start in range(0, len(y), BATCH):
            report("the ensemble", start, len(y))
            inputs = torch.from_numpy(x[start : start + BATCH]).to(example.device, example.dtype)
            labels = torch.from_numpy(y[start : start + BATCH]).to(example.device)
            parts = zip(networks, tasks, weights, strict=True)
            mixed = sum(
                weight * task.beliefs(task.rows(task.logits(net(net.prepare(inputs))).double(), labels))
                for net, task, weight in parts
            )
            assert isinstance(mixed, torch.Tensor)
            each, told = tasks[0].scores(tasks[0].from_beliefs(mixed), labels)
            loss, right, count = loss + float(each.sum()), right + int(told.sum()), count + len(each)
        found[split] = {"loss": loss / count, "accuracy": right / count}
    return found


def _tuned(
    network: Network, data: Dataset, epochs: int, rate: float, seed: int, report: Report
) -> tuple[Network, tuple[Scores, ...]]:
    tuned = train_on(network, data, epochs, rate=rate, seed=seed, report=report)
    about = {**network.metadata["fusion"], "finetune": {"epochs": epochs, "rate": rate}}
    return replace(tuned.network, metadata={**network.metadata, "fusion": about}), tuned.curve


def _described(network: Network, data: Dataset, final: Scores, seed: int) -> Network:
    """The network on the CPU, with what it scores in its metadata."""
    about = {**network.metadata, "data": data.name, "seed": seed}
    about |= {kind: {split: final[split][kind] for split in final} for kind in ("accuracy", "loss")}
    return replace(on_device(network, "cpu"), metadata=about)


def _facts(found: FusionResult) -> dict[str, Any]:
    """What a fusion says of itself, without its tensors."""
    names = ("weights", "function_errors", "history", "converged", "temperature")
    return {name: getattr(found, name) for name in names} | {
        "settings": dict(found.settings),
        "groups": sizes(found.symmetry),
        "parent_groups": tuple(
            {name: own[name] for name in found.symmetry.groups if name in each}
            for own, each in zip(found.widths, found.couplings, strict=True)
        ),
        "sources": tuple(_by_group(found, each, _sources) for each in found.couplings),
    }


def _by_group(
    found: FusionResult, couplings: Mapping[str, Coupling], number: Callable[[Coupling], Number]
) -> dict[str, Number]:
    """Group → a number of its coupling, in the order of the fused network's groups."""
    return {name: number(couplings[name]) for name in found.symmetry.groups if name in couplings}


def _sources(coupling: Coupling) -> float:
    """Of how many units of the model a fused unit is made, 1 / Σ p² in the mean over units."""
    if coupling.is_hard:
        return 1.0
    shares = torch.as_tensor(coupling.matrices[0]).double()
    return float((1 / (shares**2).sum(-1).clamp(min=1e-12)).mean())
