"""What kinds of runs on a pair of networks have in common: how the pair is asked for, opened and aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmc_core.errors import InputError, MismatchError
from lmc_core.methods import METHODS
from lmc_core.runs.kinds._kind import models_of
from lmc_core.runs.values.request import SEEDS, TRAIN_EXAMPLES, checked_device, integer, one_of

if TYPE_CHECKING:
    from lmc_core.alignment.alignment import Alignment
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network
    from lmc_core.report import Report
    from lmc_core.runs.values.card import ModelCard
    from lmc_core.runs.values.request import Request
    from lmc_core.symmetry.symmetry import Symmetry


def pair_options(
    a: str, b: str, data: str, seed: int = 0, train_examples: int = 1_000, device: str = "auto"
) -> dict[str, Any]:
    """Two models of the library, data and how much of it, checked."""
    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.library import models as library

    return {
        "a": str(a),
        "b": str(b),
        "fingerprints": [library.card(str(a)).fingerprint, library.card(str(b)).fingerprint],
        "data": datasets.checked(data),
        "seed": integer("seed", seed, *SEEDS),
        "train_examples": integer("train_examples", train_examples, *TRAIN_EXAMPLES),
        "device": checked_device(device),
    }


def method_options(method: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """A method and its settings with defaults filled in, checked."""
    return {"method": one_of("method", method, METHODS), "settings": METHODS[method].settings(settings or {})}


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
        from lmc_core.methods.align import align

        given: Symmetry | None = None
        if self.a.architecture is not None:
            from lmc_core.runs.work.bench import verified_symmetry

            given, _ = verified_symmetry(self.a, report)
        alignment = align(self.a, self.b, method, self.data, symmetry=given, seed=seed, report=report, **settings)
        return alignment, replace(alignment.transport(self.b), module=self.a.module)


def open_pair(request: Request, report: Report, stage: str, device: str, models: tuple[str, str] | None = None) -> Pair:
    """Two networks that a request names. Raises InputError if one was replaced since, or the two do not fit.

    models   their ids; "a" and "b" of the request by default
    """
    from lmc_core.networks.fit import mismatch
    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.library import models as library
    from lmc_core.runs.work import bench

    options = request.options
    report(stage, 0, 2)
    known = dict(zip(models_of(options), options["fingerprints"], strict=True))
    first, second = (library.card(model) for model in models or (options["a"], options["b"]))
    for card in (first, second):
        if card.fingerprint != known[card.id]:
            raise InputError(f"model {card.id!r} was replaced after this run was asked for; ask again")
    a, b, notes = bench.open_pair(first, second)
    if why := mismatch(a, b):
        raise MismatchError(why)
    report(stage, 1, 2)
    a, b = bench.on_device(a, device), bench.on_device(b, device)
    return Pair(a, replace(b, module=a.module), datasets.read(options["data"]), (first, second), notes)
