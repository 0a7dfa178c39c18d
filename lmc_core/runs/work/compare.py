"""Every method on every pair: the symmetry inferred once, all paths evaluated together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from lmc_core.alignment.terms import weight_terms
from lmc_core.data.dataset import Dataset
from lmc_core.errors import Cancelled, InputError, MismatchError, SettingError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.fit import mismatch, of_one_precision
from lmc_core.networks.network import Network
from lmc_core.networks.scale import doubted
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report, silent
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.compare import STAGES, Cards, CompareResult, ComparisonResult, MethodRow, pairs_of
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard, pair_title
from lmc_core.runs.work.device import device_name, on_device, pick_device
from lmc_core.runs.work.facts import card_of, versions
from lmc_core.runs.work.pair import Aligned, Pair, opening
from lmc_core.runs.work.shown import first_row
from lmc_core.runs.work.stages import Clock, within
from lmc_core.runs.work.symmetry import verified_symmetry
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.words.compare import compare_finding
from lmc_core.words.numbers import listed

READ, COMPARE = STAGES
SYMMETRY, ALIGN, EVALUATE = "Finding the symmetry", "Aligning", "Evaluating the paths"
"""What is done for one pair, in turn."""
ALIGNING = 0.8
"""The share of a comparison's progress that belongs to the methods; the rest to evaluating their paths."""
HOW = ("methods", "settings", "recalibrate", "points", "seed")
EXAMPLES = ("train_examples", "test_examples")
Rows = Callable[[Sequence[Mapping[str, Any]]], None]


def compare(
    a: Network,
    b: Network,
    data: Dataset,
    *,
    methods: Sequence[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    points: int = 25,
    recalibrate: Any = "auto",
    seed: int = 0,
    train_examples: int | None = 1_000,
    test_examples: int | None = None,
    device: str = "auto",
    models: tuple[ModelCard, ModelCard] | None = None,
    report: Report = silent,
    rows_so_far: Rows | None = None,
) -> CompareResult:
    """B aligned to A by each method, and the line from A to each result.

    methods    names in METHODS; all of them if none are given
    settings   method → its settings
    rows_so_far   called after every method with a first row of each that has a path, from some of the examples; methods
                  that take long are then looked at first, with few starts or steps, and carried out once all have a row

    A method that fails is a row with its reason. Raises InputError if the networks or the data do not fit or a method
    has no such setting, Cancelled if `report` does.
    """
    chosen = tuple(dict.fromkeys(methods)) or tuple(METHODS)
    if unknown := [name for name in (*chosen, *(settings or {})) if name not in METHODS]:
        raise SettingError(f"there is no alignment method {unknown[0]!r}; there are {', '.join(METHODS)}")
    wanted = {name: METHODS[name].settings((settings or {}).get(name, {})) for name in chosen}
    if why := mismatch(a, b):
        raise MismatchError(why)
    doubts = doubted((a, b), data)
    device, clock = pick_device(device), Clock()
    known = models or (card_of(a), card_of(b))
    a, b = (on_device(network, device) for network in of_one_precision(a, b))
    same = a.architecture is not None
    if same:
        b = replace(b, module=a.module)
    with clock("symmetry"):
        symmetry, _ = verified_symmetry(a, within(report, SYMMETRY))
    if recalibrate == "auto":
        recalibrate = default_recalibration(a)
    how: dict[str, Any] = {"points": points, "recalibrate": recalibrate, "train_examples": train_examples, "seed": seed}
    how["test_examples"] = test_examples
    early: dict[str, dict[str, Any]] = {}

    def seen(turn: Turn, found: Aligned) -> None:
        if rows_so_far is not None:
            row = first_row(turn.method, LinearPath(found.a, found.moved), data, how)
            early[turn.method] = row | ({"begun": turn.begun} if turn.begun else {})
            rows_so_far(tuple(early.values()))

    with clock("align"):
        inner, order = within(report, ALIGN), _turns(wanted, looks=rows_so_far is not None)
        rows, aligned = _all_aligned(a, b, data, order, symmetry if same else None, seed, inner, seen)
    with clock("evaluate"):
        paths = [LinearPath(found.a, found.moved) for found in aligned.values()]
        measured = evaluate_many(paths, data, **how, report=within(report, EVALUATE, details=False)) if paths else ()
    profiles = dict(zip(aligned, measured, strict=True))
    rows = [replace(row, profile=profiles.get(row.method)) for row in rows]
    return CompareResult(
        models=known,
        data=data.name,
        rows=tuple(sorted(rows, key=lambda row: row.order)),
        groups={name: group.size for name, group in symmetry.groups.items()},
        verification_error=symmetry.error,
        recalibrate=recalibrate,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        seed=seed,
        notes=tuple(dict.fromkeys((*doubts, *(note for profile in measured for note in profile.notes)))),
    )


@dataclass(frozen=True)
class Turn:
    """A method with its settings; where it is a first look, setting → (how much of it, of how much)."""

    method: str
    settings: Mapping[str, Any]
    begun: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def _turns(wanted: Mapping[str, Mapping[str, Any]], *, looks: bool) -> tuple[Turn, ...]:
    """Every method once, in its order; with looks those that take long come last, after a first look at each."""
    first, whole = [], []
    for name, settings in wanted.items():
        begun = {each: (few, settings[each]) for each, few in METHODS[name].begun(settings).items()} if looks else {}
        first.append(Turn(name, {**settings, **{each: few for each, (few, _) in begun.items()}}, begun))
        if begun:
            whole.append(Turn(name, settings))
    return (*first, *whole)


def _all_aligned(
    a: Network,
    b: Network,
    data: Dataset,
    order: Sequence[Turn],
    symmetry: Symmetry | None,
    seed: int,
    report: Report,
    seen: Callable[[Turn, Aligned], None],
) -> tuple[list[MethodRow], dict[str, Aligned]]:
    """Every method's row, still without its profile, and what those aligned that did not fail, each `seen` at once.

    Of a first look nothing is kept.
    """
    rows, aligned = [], {}
    for number, turn in enumerate(order):
        inner = _within(report, METHODS[turn.method].title, number, len(order))
        row, found = _aligned(a, b, data, turn.method, turn.settings, symmetry, seed, inner)
        if found is not None:
            seen(turn, found)
        if not turn.begun:
            rows.append(row)
            if found is not None:
                aligned[turn.method] = found
    return rows, aligned


def _aligned(
    a: Network,
    b: Network,
    data: Dataset,
    name: str,
    settings: Mapping[str, Any],
    symmetry: Symmetry | None,
    seed: int,
    report: Report,
) -> tuple[MethodRow, Aligned | None]:
    """One method's row, still without its profile, and what it aligned; or why there is nothing."""
    row = MethodRow(name, METHODS[name].title, dict(settings))
    try:
        found = Aligned.of(align(a, b, name, data, symmetry=symmetry, seed=seed, report=report, **settings), a, b)
        return replace(row, **_facts(found)), found
    except Cancelled:
        raise
    except InputError as error:
        return replace(row, why=str(error)), None
    except Exception as error:  # noqa: BLE001 a fault in one method is no reason to lose the others
        return replace(row, why=f"a fault of this program: {type(error).__name__}: {error}"), None


def _facts(found: Aligned) -> dict[str, Any]:
    alignment = found.alignment
    terms = weight_terms(found.a, alignment.symmetry)
    state = {name: found.moved.state[name].to(x.dtype) for term in terms for name, x in term.targets.items()}
    history = alignment.history
    return {
        "objective": None if alignment.canonical else sum(term.value(state) for term in terms),
        "own": (history[0], history[-1]) if history else None,
        "seconds": alignment.seconds,
        "converged": alignment.converged,
        "function_error": alignment.function_error,
        "notes": alignment.notes,
    }


def _within(report: Report, title: str, number: int, total: int) -> Report:
    """A report of one method as part of them all: a hundred steps each."""

    def inner(stage: str, done: int, of: int, /, part: str = "") -> None:
        report(title, 100 * number + (min(99, 100 * done // of) if of else 0), 100 * total, part=stage)

    return inner


def work(request: Request, report: Report, folder: Path, device: str) -> ComparisonResult:
    """Pair by pair: every method in turn, then all its paths together."""

    opened = opening(request, device)

    def both(pair: Cards, report: Report) -> Pair:
        return opened(pair[0].id, pair[1].id, report, READ)

    cards = tuple(library.card(model) for model in request["models"])
    how = {name: request[name] for name in ("settings", "recalibrate", "test_examples")}
    asked = {"kind": "compare", **request.options, **how}
    show = getattr(report, "partial", None)
    return every_pair(cards, both, asked, report, device, kept={"kind": "compare", **request.options}, show=show)


def every_pair(
    cards: Sequence[ModelCard],
    opened: Callable[[Cards, Report], Pair],
    request: Mapping[str, Any],
    report: Report,
    device: str,
    kept: Mapping[str, Any] | None = None,
    show: Callable[[Mapping[str, Any]], None] | None = None,
) -> ComparisonResult:
    """Every two of the models that fit, compared by every method; for the worker and for the command line.

    opened    gives the networks of a pair; where it raises InputError, every method's row says why
    request   data, methods and how to evaluate, as a request has it
    kept      what to keep as the request, where that is not the same
    show      takes what is known of the pair that is being compared, for a person who waits
    """
    clock, pairs = Clock(), pairs_of(cards)
    if not pairs:
        raise SettingError(f"{len(cards)} models make no pair of networks of one shape; choose two of one shape")
    alone = [card.name for card in cards if not any(card is one for pair in pairs for one in pair)]
    notes = [f"No other model here has the shape of {listed(alone)}."] if alone else []
    found = []
    for number, pair in enumerate(pairs):
        rows = None if show is None else partial(_show_rows, show, pair_title(*pair) if len(pairs) > 1 else "")
        compared, said = _one(pair, opened, request, _part(report, number, len(pairs)), device, rows)
        found.append(compared)
        notes += [*said, *compared.notes]
    return ComparisonResult(
        request=kept or request,
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
    pair: Cards,
    opened: Callable[[Cards, Report], Pair],
    request: Mapping[str, Any],
    report: Report,
    device: str,
    rows_so_far: Rows | None,
) -> tuple[CompareResult, tuple[str, ...]]:
    """One pair, and notes on how it was opened; one that does not fit has a row for every method that says so."""
    how = {name: request[name] for name in HOW if name in request}
    how |= {name: counted(request[name]) for name in EXAMPLES if name in request}
    try:
        both = opened(pair, report)
        found = compare(
            both.a, both.b, both.data, **how, device=device, models=pair, report=report, rows_so_far=rows_so_far
        )
    except InputError as error:
        rows = tuple(MethodRow(name, METHODS[name].title, why=str(error)) for name in request["methods"])
        nothing = CompareResult(pair, request["data"], rows, {}, None, None, {}, versions(), device, request["seed"])
        return nothing, ()
    return found, both.notes


def _show_rows(show: Callable[[Mapping[str, Any]], None], pair: str, rows: Sequence[Mapping[str, Any]]) -> None:
    show({"methods": list(rows), "pair": pair})


def _part(report: Report, number: int, pairs: int) -> Report:
    """A report of one pair as part of them all: the methods take most of its share, the evaluation the rest."""
    named = f"pair {number + 1} of {pairs}: " if pairs > 1 else ""
    reached = 0.0

    def inner(stage: str, done: int, of: int, /, part: str = "") -> None:
        nonlocal reached
        if stage == READ and number == 0:
            return report(stage, done, of)
        share = done / of if of else 0.0
        share = {ALIGN: ALIGNING * share, EVALUATE: ALIGNING + (1 - ALIGNING) * share}.get(stage, 0.0)
        reached = max(reached, share)
        said = f"{named}{part or stage[0].lower() + stage[1:]}"
        return report(COMPARE, round(1000 * (number + reached) / pairs), 1000, part=said)

    return inner
