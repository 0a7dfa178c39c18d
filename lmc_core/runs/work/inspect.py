"""What becomes of an uploaded file: read safely, its symmetry verified, its accuracy measured, kept as a model."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import DATASETS
from lmc_core.errors import DataError, InputError, MismatchError
from lmc_core.networks.fit import image_of
from lmc_core.networks.network import Network
from lmc_core.networks.race import fits, raced
from lmc_core.networks.reading import EXAMPLES, decided, sized
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report, silent
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds.inspect import STAGES, InspectResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import hub
from lmc_core.runs.library import models as library
from lmc_core.runs.library.limited import load_limited
from lmc_core.runs.library.uploads import identity
from lmc_core.runs.settings import settings
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.work.device import device_name, on_device, pick_device
from lmc_core.runs.work.facts import card_of, symmetry_facts, versions
from lmc_core.runs.work.stages import Clock, within
from lmc_core.runs.work.symmetry import verified_symmetry
from lmc_core.words.numbers import groups

READ, SYMMETRY, MEASURE = STAGES
SAID = "you said so"


def inspect_network(
    network: Network,
    data: Dataset | None = None,
    *,
    title: str | None = None,
    device: str = "auto",
    request: Any = None,
    report: Report = silent,
) -> InspectResult:
    """What a network is: family, assumptions, symmetry with its measured error, and accuracy if `data` fits.

    Raises TraceError if the network cannot be traced, Cancelled if `report` does.
    """
    device = pick_device(device)
    clock = Clock()
    known = card_of(network, title=title, uploaded=True, listed=False)
    network = on_device(network, device)
    with clock("symmetry"):
        found, errors = verified_symmetry(network, within(report, SYMMETRY))
    notes = found.notes
    if data is not None:
        inner = within(report, MEASURE, details=False)
        with clock("evaluate"):
            try:
                ends = evaluate(LinearPath(network, network), data, points=2, report=inner)
            except (DataError, MismatchError) as error:
                notes = (*notes, f"Its accuracy was not measured: {error}.")
            else:
                accuracy, loss = ({s: float(ends.values[s][m][0]) for s in ends.values} for m in ("accuracy", "loss"))
                known = replace(known, data=data.name, accuracy=accuracy, loss=loss)
    known = replace(known, groups={name: group.size for name, group in found.groups.items()}, error=found.error)
    return InspectResult(
        request=request or {"kind": "inspect"},
        model=known,
        symmetry=symmetry_facts(found, errors),
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=_finding(known),
        notes=notes,
    )


def work(request: Request, report: Report, folder: Path, device: str) -> InspectResult:
    """Inspect what a visitor uploaded and put it into the library.

    The uploaded bytes are deleted once the file is understood, or refused; the library keeps a file of our own making.
    """
    options = request.options
    store = opened().store
    report(READ, 0, 1)
    fetched = ""
    if not store.exists("uploads", options["upload"]):
        raise InputError(f"the uploaded file {options['filename']!r} is no longer here; upload it again")
    normalize = None if options["normalize"] is None else tuple(options["normalize"])
    try:
        with store.local("uploads", options["upload"]) as path, tempfile.TemporaryDirectory() as place:
            named = Path(place) / options["filename"]  # errors speak of the file as its owner knows it
            if "hub" in options:
                commit = hub.fetch(options["hub"], named, settings().upload_bytes)
                fetched = f"Fetched from the Hugging Face Hub: {options['hub']}, commit {commit}."
            else:
                shutil.copyfile(path, named)

            def read(arch: Mapping[str, Any]) -> Network:
                return load_limited(named, arch=arch, normalize=normalize)

            network, data = _fitting(read, options["arch"], options["data"])
        asked = {"kind": "inspect", **options}
        title = Path(options["filename"]).stem
        result = inspect_network(network, data, title=title, device=device, request=asked, report=report)
        if data is not None and data.name != options["data"]:
            asked_for, found = (datasets.title(name) for name in (options["data"], data.name))
            other = f"It does not read the examples of {asked_for}; its accuracy was measured on {found}, which fit."
            result = replace(result, notes=(other, *result.notes))
    except InputError:
        store.remove("uploads", options["upload"])
        raise
    known = replace(result.model, id=identity(request.id, network.fingerprint), filename=options["filename"])
    result = replace(result, model=_as_known(known))
    if fetched:
        result = replace(result, notes=(fetched, *result.notes))
    if said := _said(options):  # stays on the card, where it can be said otherwise
        known = replace(result.model, assumptions=(*result.model.assumptions, *said))
        result = replace(result, model=known)
    with tempfile.TemporaryDirectory() as place:
        library.keep(_written(network, Path(place), bool(said)), asdict(result.model))
    store.remove("uploads", options["upload"])
    return result


def _as_known(read: ModelCard) -> ModelCard:
    """What was read of a file whose owner has this model already, from another file or a bundle: it keeps its name, and
    what was measured, with how it was read, unless that was done again."""
    try:
        before = library.card(read.id)
    except InputError:
        return read
    measured = read if read.accuracy else before
    return replace(
        read,
        title=before.title,
        filename=before.filename,
        data=measured.data,
        accuracy=measured.accuracy,
        loss=measured.loss,
        assumptions=measured.assumptions,
    )


def _fitting(
    read: Callable[[Mapping[str, Any]], Network], arch: Mapping[str, Any], asked: str | None
) -> tuple[Network, Dataset | None]:
    """A network as `read` makes it, and data that have its inputs: those asked for, else, of the sets that are here,
    those on which it is most accurate; those asked for if none fit."""
    if asked is None:
        return read(arch), None
    first = datasets.read(asked)
    network = sized(read, arch, first.shape, asked)
    if _as_large(network, first.shape):
        return decided([network], first)[0], first
    found: list[tuple[float, Network, Dataset]] = []
    for entry in DATASETS.values():
        if entry.name == asked or not entry.available():
            continue
        other = network if image_of(network, entry.shape) is None else sized(read, arch, entry.shape, entry.name)
        if _as_large(other, entry.shape) and fits(other, datasets.read(entry.name)):
            data = datasets.read(entry.name)
            (judged,) = decided([other], data)
            if scores := raced([[judged]], data, EXAMPLES):
                found.append((scores[0][0].accuracy, judged, data))
    if not found:
        return network, first
    return max(found, key=lambda each: each[0])[1:]


def _as_large(network: Network, shape: tuple[int, ...]) -> bool:
    return prod(network.example_inputs[0].shape[1:]) == prod(shape)


def _said(options: Mapping[str, Any]) -> tuple[tuple[str, Any, str], ...]:
    """What the visitor knows of the network and its file does not say, as the card shows it."""
    given = {**options["arch"], "normalize": options["normalize"]}
    return tuple((option, value, SAID) for option, value in given.items() if value is not None)


def _written(network: Network, folder: Path, said: bool) -> Path:
    """The network as a file of our own; beside it, if something was assumed or said, its tensors as they were named."""
    if network.architecture is None:
        network.export(str(folder / "model.pt2"))
        return folder / "model.pt2"
    network.save(str(folder / "model.safetensors"), names="ours")
    if (network.assumptions or said) and (original := network.metadata.get("names")):
        tensors = {original.get(name, name): x.detach().cpu().contiguous() for name, x in network.state.items()}
        save_file(tensors, folder / library.ORIGINAL)
    return folder / "model.safetensors"


def _finding(known: ModelCard) -> str:
    accuracy = f" Its accuracy on {known.data} is {known.accuracy['test']:.1%}." if "test" in known.accuracy else ""
    family, units = known.family or "program", groups(len(known.groups))
    return f"{known.title} ({family}) has {known.parameters:,} parameters and {units}.{accuracy}"
