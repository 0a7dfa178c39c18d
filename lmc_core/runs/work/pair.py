"""A pair of networks that a request names: opened, and aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lmc_core.alignment.alignment import Alignment
from lmc_core.data.dataset import Dataset
from lmc_core.errors import InputError, MismatchError
from lmc_core.methods.align import align
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.work.device import on_device
from lmc_core.runs.work.models import open_pair
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

    def aligned(self, method: str, settings: Mapping[str, Any], seed: int, report: Report) -> tuple[Alignment, Network]:
        """The alignment of B to A, and B aligned."""
        given: Symmetry | None = None
        if self.a.architecture is not None:
            given, _ = verified_symmetry(self.a, report)
        alignment = align(self.a, self.b, method, self.data, symmetry=given, seed=seed, report=report, **settings)
        return alignment, replace(alignment.transport(self.b), module=self.a.module)


def unchanged(request: Request, model: str) -> ModelCard:
    """The card of a model that a request names. Raises InputError if it was replaced since."""
    found = library.card(model)
    known = dict(zip(KINDS[request.kind].models(request.options), request["fingerprints"], strict=False))
    if found.fingerprint != known[model]:
        raise InputError(f"model {model!r} was replaced after this run was asked for; ask again")
    return found


def opened(request: Request, report: Report, stage: str, device: str, models: tuple[str, str] | None = None) -> Pair:
    """Two networks that a request names. Raises InputError if one was replaced since, or the two do not fit.

    models   their ids; "a" and "b" of the request by default
    """
    report(stage, 0, 2)
    first, second = (unchanged(request, model) for model in models or (request["a"], request["b"]))
    a, b, notes = open_pair(first, second)
    if why := mismatch(a, b):
        raise MismatchError(why)
    report(stage, 1, 2)
    a, b = on_device(a, device), on_device(b, device)
    return Pair(a, replace(b, module=a.module), datasets.read(request["data"]), (first, second), notes)
