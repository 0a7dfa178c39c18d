"""A pair of networks that a request names: opened, and aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lmc_core.alignment.alignment import Alignment
from lmc_core.alignment.template import canonical_pair, symmetries
from lmc_core.data.dataset import Dataset
from lmc_core.errors import InputError, MismatchError
from lmc_core.methods.align import align
from lmc_core.networks.fit import mismatch, of_one_precision
from lmc_core.networks.network import Network
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.facts import AlignmentFacts
from lmc_core.runs.work.device import on_device
from lmc_core.runs.work.symmetry import verified_symmetry
from lmc_core.symmetry.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Pair:
    """A and B on one device, sharing one module where they can, and the data."""

    a: Network
    b: Network
    data: Dataset
    cards: tuple[ModelCard, ModelCard]
    notes: tuple[str, ...]

    def aligned(self, method: str, settings: Mapping[str, Any], seed: int, report: Report) -> Aligned:
        """B aligned to A, and both as the alignment compares them."""
        given: Symmetry | None = None
        if self.a.architecture is not None:
            given, _ = verified_symmetry(self.a, report)
        found = align(self.a, self.b, method, self.data, symmetry=given, seed=seed, report=report, **settings)
        return Aligned.of(found, self.a, self.b)


@dataclass(frozen=True, eq=False)
class Aligned:
    """What an alignment found, with the networks that a path after it joins, sharing the module of A.

    a, b     as they were compared: themselves, or where the method needs it their canonical forms
    moved    B aligned: the path leads from `a` to it
    """

    alignment: Alignment
    a: Network
    b: Network
    moved: Network

    @classmethod
    def of(cls, alignment: Alignment, a: Network, b: Network) -> Aligned:
        """From the alignment of `b` to `a`."""
        ends = alignment.reference(a), alignment.reference(b), alignment.transport(b)
        return cls(alignment, *(replace(network, module=a.module) for network in ends))


def placed(a: Network, b: Network, device: str) -> tuple[Network, Network, bool]:
    """Both on the device, and whether they are of one architecture, which then is traced once; programs are compared
    by what they do."""
    a, b = (on_device(network, device) for network in of_one_precision(a, b))
    same = a.architecture is not None
    return a, replace(b, module=a.module) if same else b, same


def realigned(a: Network, b: Network, facts: AlignmentFacts, report: Report) -> Aligned:
    """Two networks, as `placed` gives them, aligned as a finished run found: nothing is matched again."""
    symmetry = verified_symmetry(a, report)[0] if a.architecture is not None else symmetries([a, b])[0]
    if facts.canonical:
        symmetry = canonical_pair(a, b)[2]
    found = Alignment(dict(facts.couplings), symmetry, facts.method, seed=facts.seed, canonical=facts.canonical)
    return Aligned.of(found, a, b)


def unchanged(request: Request, model: str) -> ModelCard:
    """The card of a model that a request names. Raises InputError if it was replaced since."""
    from lmc_core.runs.library import models as library

    found = library.card(model)
    known = dict(zip(KINDS[request.kind].models(request.options), request["fingerprints"], strict=False))
    if found.fingerprint != known[model]:
        raise InputError(f"model {model!r} was replaced after this run was asked for; ask again")
    return found


class Opening(Protocol):
    """Opens two networks by the names they have in a request, of the library or of files."""

    def __call__(self, first: str, second: str, report: Report, stage: str) -> Pair: ...


def opening(request: Request, device: str) -> Opening:
    """Opens networks of the library. Raises InputError if one was replaced since the request, or the two do not fit."""

    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.work.models import open_pair

    def opened(first: str, second: str, report: Report, stage: str) -> Pair:
        report(stage, 0, 2)
        cards = unchanged(request, first), unchanged(request, second)
        a, b, notes = open_pair(*cards)
        report(stage, 1, 2)
        return paired(a, b, datasets.read(request["data"], request.options.get("task", "auto")), cards, device, notes)

    return opened


def paired(
    a: Network,
    b: Network,
    data: Dataset,
    cards: tuple[ModelCard, ModelCard],
    device: str,
    notes: tuple[str, ...] = (),
) -> Pair:
    """Two networks on a device, as one computation. Raises MismatchError if they do not fit."""
    if why := mismatch(a, b):
        raise MismatchError(why)
    a, b = (on_device(network, device) for network in of_one_precision(a, b))
    return Pair(a, replace(b, module=a.module), data, cards, notes)
