"""The one way from two networks to a path before and after alignment, for the worker and for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lmc_core.alignment.alignment import Alignment
from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics.diagnose import Diagnosis, diagnose, first_cloud
from lmc_core.diagnostics.null import NullTest, shuffled, votes
from lmc_core.errors import InputError, MismatchError
from lmc_core.methods import METHODS
from lmc_core.methods.align import align
from lmc_core.methods.usual import usual
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.networks.scale import doubted
from lmc_core.paths.curves import Curve, through, train_curve
from lmc_core.paths.evaluate import evaluate, evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.profile import Profile
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report, silent
from lmc_core.runs.kinds._curve import curve_title
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.path import STAGES, PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.facts import AlignmentFacts, CurveFacts
from lmc_core.runs.work import estimate
from lmc_core.runs.work.device import device_name, on_device, pick_device
from lmc_core.runs.work.facts import card_of, data_facts, form_rows, symmetry_facts, versions
from lmc_core.runs.work.pair import Aligned, placed, unchanged
from lmc_core.runs.work.shown import finished, shown
from lmc_core.runs.work.stages import Clock, within
from lmc_core.runs.work.symmetry import verified_symmetry
from lmc_core.symmetry.canonical.canonical import canonical
from lmc_core.words.path import path_finding

READ, SYMMETRY, ALIGN, EVALUATE, COMPARE = STAGES


def path_run(
    a: Network,
    b: Network,
    data: Dataset,
    *,
    method: str | None = None,
    settings: Mapping[str, Any] | None = None,
    points: int = 25,
    recalibrate: Any = None,
    seed: int = 0,
    train_examples: int | None = 10_000,
    test_examples: int | None = None,
    precision: float | None = None,
    device: str = "auto",
    curve: Mapping[str, Any] | None = None,
    waypoint: Network | None = None,
    models: tuple[ModelCard, ModelCard] | None = None,
    request: Mapping[str, Any] | None = None,
    notes: tuple[str, ...] = (),
    folder: Path | None = None,
    diagnosed: bool | None = None,
    report: Report = silent,
) -> tuple[PathResult, Aligned]:
    """Align B to A and evaluate the line between them before and after: the result, and the networks it joins.

    method    None: the usual one of such networks
    curve     one more path to measure, from A to aligned B, as a request has it
    waypoint  the network that a curve of kind "through" leads through
    models    cards of A and B, where they come from the library
    request   what to keep as the request; by default these arguments
    notes     sentences to keep with the result
    precision  stop when the barriers are known so well, relative to themselves; None: measure all examples asked for
    folder    where to leave the units one by one, if anywhere
    diagnosed  also the clouds, matchings and layers that only a page shows. None: all of them of small networks; of
               large ones, most of whose time they would take, the first cloud, and the others are asked for later

    Other settings as of a request of a path. Raises InputError if the networks, the data and the settings do not fit
    together, Cancelled if `report` does.
    """
    known = models or (card_of(a), card_of(b))
    if why := mismatch(a, b):
        raise MismatchError(why)
    if waypoint is not None and (why := mismatch(a, waypoint)):
        raise MismatchError(f"the path cannot lead through {waypoint.source!r}, here called B: {why}")
    doubts = doubted((a, b), data)
    device, clock = pick_device(device), Clock()
    a, b, same = placed(a, b, device)
    with clock("symmetry"):
        found, errors = verified_symmetry(a, within(report, SYMMETRY))
    method = method or usual(a, found)
    with clock("align"):
        inner, given = within(report, ALIGN), found if same else None
        alignment = align(a, b, method, data, symmetry=given, seed=seed, report=inner, **dict(settings or {}))
        ends = Aligned.of(alignment, a, b)
    if recalibrate == "auto":
        recalibrate = default_recalibration(a)
    how: dict[str, Any] = {"points": points, "recalibrate": recalibrate, "train_examples": train_examples, "seed": seed}
    how["test_examples"] = test_examples
    how["precision"] = precision
    with clock("evaluate"):
        paths, inner = (LinearPath(a, b), LinearPath(ends.a, ends.moved)), within(report, EVALUATE, details=False)
        partial = shown(paths, data, how, EVALUATE, report)
        naive, after = evaluate_many(paths, data, **how, report=inner, partial=partial)
    null = None
    if METHODS[method].learns:
        with clock("null"):
            null = _null(a, b, ends, after, data, how, within(report, EVALUATE))
    curved = None
    if curve is not None:
        with clock("curve"):
            curved = _curved(curve, waypoint, ends.a, ends.moved, data, how, report)
    finding = " ".join([path_finding(naive, after, method, len(data.classes), null=null).text, *doubts])
    finished(naive, after, finding, report)
    later = diagnosed is None and estimate.is_large(a)
    with clock("diagnose"):
        seen, compared = Diagnosis({}, {}, {}), (ends.a, ends.b, ends.moved, alignment)
        if later:
            report(COMPARE, 0, 0)
            seen = Diagnosis(first_cloud(*compared, t=naive.t, seed=seed), {}, {})
        elif diagnosed is not False:
            inner = within(report, COMPARE)
            seen = diagnose(*compared, data=data, t=naive.t, seed=seed, thorough=True, report=inner)
        if folder is not None and not later:
            from lmc_core.runs.keep import units

            units.write(folder, seen.units)
    bent = curved.profile.notes if curved else ()
    asked = {
        "kind": "path", "a": known[0].id, "b": known[1].id, "data": data.name, "method": method,
        "settings": dict(alignment.settings), **how, "precision": precision or 0.0, "device": device,
        **({} if curve is None else {"curve": curve}),
    }  # fmt: skip
    facts = symmetry_facts(*((alignment.symmetry, {}) if alignment.canonical else (found, errors)), alignment.couplings)
    if alignment.canonical:
        facts = replace(facts, form=form_rows({"A": canonical(a), "B": canonical(b)}))
    result = PathResult(
        request=request or asked,
        models=known,
        data=data_facts(data),
        naive=naive,
        aligned=after,
        symmetry=facts,
        alignment=_alignment_facts(alignment),
        clouds=seen.clouds,
        matching=seen.matching,
        layers=seen.layers,
        preferred=seen.preferred,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=finding,
        notes=tuple(dict.fromkeys((*doubts, *notes, *after.notes, *bent, *seen.notes))),
        curve=curved,
        null=null,
        later=later and bool(seen.clouds),
    )
    return result, ends


def _null(
    a: Network, b: Network, ends: Aligned, path: Profile, data: Dataset, how: Mapping[str, Any], report: Report
) -> NullTest:
    """The same method with B shuffled in the place of B."""
    found = ends.alignment
    noise = shuffled(b, found.seed)
    other = align(a, noise, found.method, data, seed=found.seed, report=report, **found.settings)
    nulls = Aligned.of(other, a, noise)
    measured = evaluate(LinearPath(nulls.a, nulls.moved), data, **how, report=report)
    sides = []
    for each, profile in ((ends, path), (nulls, measured)):
        middle = LinearPath(each.a, each.moved).network.with_state(LinearPath(each.a, each.moved)(0.5))
        sides.append(votes(profile.midpoint(), each.a, each.moved, middle, data, found.seed))
    (real, examples), (null, _) = sides
    return NullTest(real, null, examples)


def _curved(
    curve: Mapping[str, Any],
    waypoint: Network | None,
    a: Network,
    b: Network,
    data: Dataset,
    how: Mapping[str, Any],
    report: Report,
) -> CurveFacts:
    """The curve from A to B, made and measured as the lines are."""
    inner = within(report, EVALUATE)
    examples, seed = how["train_examples"], how["seed"]
    if waypoint is not None:
        bent: Curve = through(a, on_device(waypoint, str(a.device)), b)
    else:
        bends, epochs = curve["bends"], curve["epochs"]
        bent = train_curve(
            a, b, data, kind=curve["kind"], bends=bends, epochs=epochs, examples=examples or 0, seed=seed, report=inner
        )
    profile = evaluate(bent, data, **how, report=within(report, EVALUATE, details=False))
    name = waypoint.source if waypoint is not None else ""
    return CurveFacts(curve["kind"], curve_title(curve, name), profile, bent.history)


def work(request: Request, report: Report, folder: Path, device: str) -> PathResult:
    """Open the two networks, follow the path between them, and keep B aligned, and A where it is in other numbers."""
    from lmc_core.runs.library import data as datasets  # and with it the database, which no file needs
    from lmc_core.runs.work.models import open_pair

    report(READ, 0, 2)
    cards = unchanged(request, request["a"]), unchanged(request, request["b"])
    a, b, notes = open_pair(*cards)
    data = datasets.read(request["data"], request["task"])
    estimate.tell(report, estimate.seconds(on_device(a, pick_device(device)), data, request))
    report(READ, 1, 2)
    result, ends = path_run(
        a,
        b,
        data,
        **{name: request[name] for name in ("method", "settings", "points", "recalibrate", "seed")},
        train_examples=counted(request["train_examples"]),
        test_examples=counted(request["test_examples"]),
        precision=request["precision"] or None,
        device=device,
        curve=request["curve"],
        waypoint=_waypoint(request["curve"]),
        models=cards,
        request={"kind": "path", **request.options},
        notes=notes,
        folder=folder,
        report=report,
    )
    for name, network in {"aligned": ends.moved, "reference": ends.a}.items():
        if name == "reference" and not ends.alignment.canonical:
            continue
        if network.architecture is not None:
            on_device(network, "cpu").save(str(folder / f"{name}.safetensors"))
        else:
            on_device(network, "cpu").export(str(folder / f"{name}.pt2"))
    return result


def _waypoint(curve: Mapping[str, Any] | None) -> Network | None:
    """The model of the library that a curve leads through; None for a trained one, or for none."""
    if curve is None or curve["kind"] != "through":
        return None
    from lmc_core.runs.library import models as library
    from lmc_core.runs.work.models import open_model

    card = library.card(curve["model"])
    if card.fingerprint != curve["fingerprint"]:
        raise InputError(f"model {card.id!r} was replaced after this run was asked for; ask again")
    return open_model(card)


def _alignment_facts(alignment: Alignment) -> AlignmentFacts:
    same = {field.name for field in fields(AlignmentFacts)} & {field.name for field in fields(Alignment)}
    return AlignmentFacts(
        **{
            **{name: getattr(alignment, name) for name in same},
            "title": METHODS[alignment.method].title,
            "couplings": dict(alignment.couplings),
        }
    )
