"""Every method on one pair: the symmetry inferred once, all paths evaluated together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lmc_core.alignment.alignment import Alignment
from lmc_core.alignment.terms import weight_terms
from lmc_core.data.dataset import Dataset
from lmc_core.errors import Cancelled, InputError, MismatchError, SettingError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report, silent
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.comparison import CompareResult, MethodRow
from lmc_core.runs.work.bench import Clock, device_name, on_device, pick_device, verified_symmetry
from lmc_core.runs.work.facts import card_of, versions
from lmc_core.symmetry.symmetry import Symmetry


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
    train_examples: int | None = 10_000,
    device: str = "auto",
    models: tuple[ModelCard, ModelCard] | None = None,
    report: Report = silent,
) -> CompareResult:
    """B aligned to A by each method, and the line from A to each result.

    methods    names in METHODS; all of them if none are given
    settings   method → its settings

    A method that fails is a row with its reason. Raises InputError if the networks or the data do not fit or a method
    has no such setting, Cancelled if `report` does.
    """
    chosen = tuple(dict.fromkeys(methods)) or tuple(METHODS)
    if unknown := [name for name in (*chosen, *(settings or {})) if name not in METHODS]:
        raise SettingError(f"there is no alignment method {unknown[0]!r}; there are {', '.join(METHODS)}")
    wanted = {name: METHODS[name].settings((settings or {}).get(name, {})) for name in chosen}
    if why := mismatch(a, b):
        raise MismatchError(why)
    device, clock = pick_device(device), Clock()
    known = models or (card_of(a), card_of(b))
    a, b = on_device(a, device), on_device(b, device)
    same = a.architecture is not None
    if same:
        b = replace(b, module=a.module)
    with clock("symmetry"):
        found, _ = verified_symmetry(a, report)
    with clock("align"):
        rows, aligned = _all_aligned(a, b, data, wanted, found if same else None, seed, report)
    if recalibrate == "auto":
        recalibrate = default_recalibration(a)
    how: dict[str, Any] = {"points": points, "recalibrate": recalibrate, "train_examples": train_examples, "seed": seed}
    with clock("evaluate"):
        paths = [LinearPath(a, replace(moved, module=a.module)) for moved in aligned.values()]
        measured = evaluate_many(paths, data, **how, report=report) if paths else ()
    profiles = dict(zip(aligned, measured, strict=True))
    rows = [replace(row, profile=profiles.get(row.method)) for row in rows]
    return CompareResult(
        models=known,
        data=data.name,
        rows=tuple(sorted(rows, key=lambda row: row.order)),
        groups={name: group.size for name, group in found.groups.items()},
        verification_error=found.error,
        recalibrate=recalibrate,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        seed=seed,
        notes=tuple(dict.fromkeys(note for profile in measured for note in profile.notes)),
    )


def _all_aligned(
    a: Network,
    b: Network,
    data: Dataset,
    wanted: Mapping[str, Mapping[str, Any]],
    symmetry: Symmetry | None,
    seed: int,
    report: Report,
) -> tuple[list[MethodRow], dict[str, Network]]:
    """Every method's row, still without its profile, and B aligned by those that did not fail."""
    rows, aligned = [], {}
    for number, (name, settings) in enumerate(wanted.items()):
        inner = _within(report, METHODS[name].title, number, len(wanted))
        row, moved = _aligned(a, b, data, name, settings, symmetry, seed, inner)
        rows.append(row)
        if moved is not None:
            aligned[name] = moved
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
) -> tuple[MethodRow, Network | None]:
    """One method's row, still without its profile, and B aligned by it; or why there is none."""
    row = MethodRow(name, METHODS[name].title, dict(settings))
    try:
        alignment = align(a, b, name, data, symmetry=symmetry, seed=seed, report=report, **settings)
        moved = alignment.transport(b)
        return replace(row, **_facts(alignment, a, moved)), moved
    except Cancelled:
        raise
    except InputError as error:
        return replace(row, why=str(error)), None
    except Exception as error:  # noqa: BLE001 a fault in one method is no reason to lose the others
        return replace(row, why=f"a fault of this program: {type(error).__name__}: {error}"), None


def _facts(alignment: Alignment, a: Network, moved: Network) -> dict[str, Any]:
    terms = weight_terms(a, alignment.symmetry)
    state = {name: moved.state[name].to(x.dtype) for term in terms for name, x in term.targets.items()}
    history = alignment.history
    return {
        "objective": sum(term.value(state) for term in terms),
        "own": (history[0], history[-1]) if history else None,
        "seconds": alignment.seconds,
        "converged": alignment.converged,
        "function_error": alignment.function_error,
        "notes": alignment.notes,
    }


def _within(report: Report, title: str, number: int, total: int) -> Report:
    """A report of one method as part of them all: a hundred steps each."""

    def inner(stage: str, done: int, of: int) -> None:
        report(f"{title}: {stage}", 100 * number + (min(99, 100 * done // of) if of else 0), 100 * total)

    return inner
