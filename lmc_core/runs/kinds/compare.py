"""Runs that align pairs of networks by several methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.errors import InputError, SettingError
from lmc_core.methods import METHODS
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._pair import Pair, open_pair
from lmc_core.runs.kinds._result import Measured
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.comparison import CompareResult, MethodRow, method_means
from lmc_core.runs.values.request import POINTS, SEEDS, TRAIN_EXAMPLES, checked_device, integer, one_of
from lmc_core.runs.values.status import SEPARATOR
from lmc_core.words.compare import compare_finding
from lmc_core.words.numbers import listed

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

READ, COMPARE = STAGES = ("Reading the networks", "Aligning and evaluating")
PAIRS = 12
HOW = ("methods", "settings", "recalibrate", "points", "seed", "train_examples")
"""Options that `compare` takes as they are; a request of a page has not all of them."""
Cards = tuple[ModelCard, ModelCard]
ALIGNING = 0.8
"""The share of a comparison's progress that belongs to the methods; the rest to evaluating their paths."""
QUICK = (
    "identity",
    "weight-matching",
    "layerwise-weight-matching",
    "covariance-weight-matching",
    "activation-matching",
    "ot-alignment",
)
"""Methods that take seconds where the others take minutes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonResult(Measured):
    """Every pair of the models that fit each other, compared."""

    pairs: tuple[CompareResult, ...]

    @property
    def means(self) -> list[dict[str, Any]]:
        """Every method over all pairs."""
        return method_means(self.pairs)

    @property
    def json(self) -> dict[str, Any]:
        """The object that `compare --json` prints for three models or more; of each pair, what it prints for two."""
        return super().json | {"methods": self.means, "pairs": [pair.json for pair in self.pairs]}


def options(
    models: Sequence[str],
    data: str = "digits",
    methods: Sequence[str] = (),
    points: int = 25,
    seed: int = 0,
    train_examples: int = 1_000,
    device: str = "auto",
) -> dict[str, Any]:
    """Models, of which all pairs that fit are compared, and methods; all of them if none are named."""
    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.library import models as library

    cards = [library.card(str(model)) for model in dict.fromkeys(models)]
    number = len(pairs_of(cards))
    if not 1 <= number <= PAIRS:
        counted = f"{len(cards)} model{'' if len(cards) == 1 else 's'} of which {number} pairs are of one shape"
        raise SettingError(f"{counted}: choose models that make 1 to {PAIRS} pairs")
    wanted = [one_of("methods", name, METHODS) for name in methods] or list(METHODS)
    return {
        "models": [card.id for card in cards],
        "fingerprints": [card.fingerprint for card in cards],
        "data": datasets.checked(data),
        "methods": [name for name in METHODS if name in wanted],
        "points": integer("points", points, *POINTS),
        "seed": integer("seed", seed, *SEEDS),
        "train_examples": integer("train_examples", train_examples, *TRAIN_EXAMPLES),
        "device": checked_device(device),
    }


def pairs_of(cards: Sequence[ModelCard]) -> list[Cards]:
    """Every two models that may fit, the earlier one as A; two that were chosen alone are a pair in any case."""
    pairs = list(combinations(cards, 2))
    return pairs if len(pairs) == 1 else [(a, b) for a, b in pairs if a.parameters == b.parameters]


def work(request: Request, report: Report, folder: Path, device: str) -> ComparisonResult:
    """Pair by pair: every method in turn, then all its paths together."""
    from lmc_core.runs.library import models as library

    def opened(pair: Cards, report: Report) -> Pair:
        return open_pair(request, report, READ, device, (pair[0].id, pair[1].id))

    cards = tuple(library.card(model) for model in request.options["models"])
    return every_pair(cards, opened, {"kind": "compare", **request.options}, report, device)


def every_pair(
    cards: Sequence[ModelCard],
    opened: Callable[[Cards, Report], Pair],
    request: Mapping[str, Any],
    report: Report,
    device: str,
) -> ComparisonResult:
    """Every two of the models that fit, compared by every method; for the worker and for the command line.

    opened    gives the networks of a pair; where it raises InputError, every method's row says why
    request   what to keep as the request: data, methods and how to evaluate, as `compare` takes it
    """
    from lmc_core.runs.work.bench import Clock, device_name
    from lmc_core.runs.work.facts import versions

    clock, pairs = Clock(), pairs_of(cards)
    if not pairs:
        raise SettingError(f"{len(cards)} models make no pair of networks of one shape; choose two of one shape")
    alone = [card.name for card in cards if not any(card is one for pair in pairs for one in pair)]
    notes = [f"No other model here has the shape of {listed(alone)}."] if alone else []
    found = []
    for number, pair in enumerate(pairs):
        compared, said = _one(pair, opened, request, _part(report, number, len(pairs)), device)
        found.append(compared)
        notes += [*said, *compared.notes]
    return ComparisonResult(
        request=request,
        models=tuple(cards),
        data=request["data"],
        method="",
        pairs=tuple(found),
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=compare_finding([one.profiles for one in found]).text,
        notes=tuple(dict.fromkeys(notes)),
    )


def _one(
    pair: Cards, opened: Callable[[Cards, Report], Pair], request: Mapping[str, Any], report: Report, device: str
) -> tuple[CompareResult, tuple[str, ...]]:
    """One pair, and notes on how it was opened; one that does not fit has a row for every method that says so."""
    from lmc_core.runs.work.compare import compare
    from lmc_core.runs.work.facts import versions

    how = {name: request[name] for name in HOW if name in request}
    try:
        both = opened(pair, report)
        found = compare(both.a, both.b, both.data, **how, device=device, models=pair, report=report)
    except InputError as error:
        rows = tuple(MethodRow(name, METHODS[name].title, why=str(error)) for name in request["methods"])
        nothing = CompareResult(pair, request["data"], rows, {}, None, None, {}, versions(), device, request["seed"])
        return nothing, ()
    return found, both.notes


def _part(report: Report, number: int, pairs: int) -> Report:
    """A report of one pair as part of them all: the methods, told as "title: step", then the evaluation."""
    named = f"pair {number + 1} of {pairs}: " if pairs > 1 else ""
    aligned, reached = False, 0.0

    def inner(stage: str, done: int, of: int) -> None:
        nonlocal aligned, reached
        share = done / of if of else 0.0
        if stage == READ and number == 0:
            report(stage, done, of)
            return
        if ": " in stage:
            aligned, share = True, ALIGNING * share
        else:  # before the methods the symmetry is found, after them their paths are evaluated
            share = ALIGNING + (1 - ALIGNING) * share if aligned and done else 0.0
        reached = max(reached, share)
        report(f"{COMPARE}{SEPARATOR}{named}{stage}", round(1000 * (number + reached) / pairs), 1000)

    return inner


def proof(result: ComparisonResult) -> str:
    """The finding of a comparison that can be drawn."""
    from lmc_core.figures.compare import compare_figure

    profiles = [pair.profiles for pair in result.pairs]
    assert 1 <= len(result.pairs) <= PAIRS
    assert all(row["method"] in METHODS for row in result.means)
    compare_figure({str(number): each for number, each in enumerate(profiles)}).to_json()
    return compare_finding(profiles).text


COMPARISON = Kind(
    "compare",
    "Aligning pairs by every method",
    STAGES,
    options,
    work,
    (ComparisonResult, CompareResult, MethodRow),
    proof=proof,
    example={"models": [f"digits-mlp-128/seed{seed}" for seed in (0, 1, 2)], "methods": QUICK},
)
