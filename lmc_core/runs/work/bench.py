"""What every kind of work uses: a device, models that stay open, verified symmetries, stages and a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import torch

from lmc_core.errors import CheckpointError, SettingError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.report import Report
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.status import SEPARATOR
from lmc_core.symmetry.symmetry import Symmetry

KEPT = 8  # opened models and symmetries a worker remembers for its next run

VERIFY_SECONDS = 5.0  # for re-ordering single groups, after all of them were re-ordered at once


def pick_device(*wanted: str) -> str:
    """The first device that is not "auto", else the best there is. Raises SettingError if it is not there."""
    named = next((device for device in wanted if device != "auto"), None)
    if named is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = named.partition(":")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if int(number or 0) >= there.get(kind, 0):
        raise SettingError(f"device={named!r} is not available here; leave it at auto")
    return named


def device_name(device: str) -> str:
    """The device with the name its maker gave it."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device


def on_device(network: Network, device: str) -> Network:
    """The network on a device; itself, with all that is remembered of its module, if it is there already."""
    wanted, there = torch.device(device), network.device
    if wanted.type == there.type and wanted.index in (None, there.index):
        return network
    return network.to(device)


def open_model(known: ModelCard) -> Network:
    """The network behind a card, checked to be the one that the card describes."""
    return replace(_open(_Key(known)), source=known.name)  # the same weights may go by another name elsewhere


def open_pair(a: ModelCard, b: ModelCard) -> tuple[Network, Network, tuple[str, ...]]:
    """Two networks as one computation, and notes on what had to be taken over for that.

    Where a file did not say how its tensors compute, the other network of the pair, which has the same tensors, does.
    """
    first, second = open_model(a), open_model(b)
    if mismatch(first, second) is None:
        return first, second, ()
    if taken := _taken_over(first, second):
        return first, taken, (f"B is computed as A is: {b.title!r} does not say how, and has the same tensors.",)
    if taken := _taken_over(second, first):
        return taken, second, (f"A is computed as B is: {a.title!r} does not say how, and has the same tensors.",)
    return first, second, ()


def _taken_over(known: Network, guessed: Network) -> Network | None:
    """The guessed network's numbers in the known one's computation; None if it was not guessed or does not fit."""
    assumed = {assumption.option for assumption in guessed.assumptions}
    if not assumed or {n: x.shape for n, x in known.state.items()} != {n: x.shape for n, x in guessed.state.items()}:
        return None
    normalize = known.normalize if "normalize" in assumed else guessed.normalize
    moved = known.with_state(guessed.state)
    taken = replace(moved, normalize=normalize, source=guessed.source, metadata=guessed.metadata)
    return taken if mismatch(known, taken) is None else None


class _Key:
    """A card, equal to another if both describe the same weights."""

    def __init__(self, known: ModelCard):
        self.card = known

    def __hash__(self) -> int:
        return hash(self.card.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.card.fingerprint == self.card.fingerprint


@lru_cache(maxsize=KEPT)
def _open(key: _Key) -> Network:
    with library.weights(key.card) as path:
        network = load(path)
    if network.fingerprint != key.card.fingerprint:
        raise CheckpointError(f"the file of model {key.card.id!r} does not hold the weights its card describes")
    return network


_symmetries: dict[str, tuple[Symmetry, dict[str, float]]] = {}


def verified_symmetry(network: Network, report: Report) -> tuple[Symmetry, dict[str, float]]:
    """The symmetry of a network with its measured error, and the error of each group alone."""
    from lmc_core.symmetry.infer import symmetry
    from lmc_core.symmetry.verify import verify

    key = f"{network.fingerprint} {network.device}"
    if key not in _symmetries:
        report("tracing", 0, 2)
        found = symmetry(network)
        report("verifying", 1, 2)
        errors = dict(verify(network, found, budget=VERIFY_SECONDS).groups)
        while len(_symmetries) >= KEPT:
            _symmetries.pop(next(iter(_symmetries)))
        _symmetries[key] = found, errors
    return _symmetries[key]


def within(report: Report, stage: str, details: bool = True) -> Report:
    """A report that says which stage of the run it belongs to, and the detail if that says more."""
    report(stage, 0, 0)
    return lambda detail, done, total: report(f"{stage}{SEPARATOR}{detail}" if details else stage, done, total)


class Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._spent[stage] = time.perf_counter() - start

    @property
    def seconds(self) -> dict[str, float]:
        return {**self._spent, "total": time.perf_counter() - self._start}
