"""Function gaps, distances and dimensions of a pair, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.alignment.moments import Moment, input_moments
from lmc_core.diagnostics.diagnose import diagnose, measured_on
from lmc_core.diagnostics.gap import Gap, function_gap
from lmc_core.diagnostics.laws import Law, laws
from lmc_core.diagnostics.ledger import Ledger, ledger
from lmc_core.diagnostics.removed import removed
from lmc_core.errors import TraceError
from lmc_core.methods import METHODS
from lmc_core.networks.network import Network
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.kinds.theory import STAGES, TheoryResult
from lmc_core.runs.work.device import device_name
from lmc_core.runs.work.facts import versions
from lmc_core.runs.work.pair import Aligned, Opening, Pair, opening
from lmc_core.runs.work.stages import Clock, within
from lmc_core.words.theory import theory_finding

READ, ALIGN, GAP, COMPARE, BOOK = STAGES


def work(request: Request, report: Report, folder: Path, device: str) -> TheoryResult:
    """The measurements of a request from the queue."""
    return measure(request, opening(request, device), report, device)


def measure(request: Request, opened: Opening, report: Report, device: str) -> TheoryResult:
    """Align, measure both function gaps, then every layer, and which of them the barrier is due to."""
    clock = Clock()
    pair = opened(request["a"], request["b"], report, READ)
    seed = request["seed"]
    used: dict[str, Any] = {name: counted(request[name]) for name in ("train_examples", "test_examples")}
    with clock("align"):
        found = pair.aligned(request["method"], request["settings"], seed, within(report, ALIGN))
    recalibrate = default_recalibration(pair.a)
    gaps = []
    with clock("gap"):
        for first, second in _ends(pair, found):
            inner = within(report, GAP, details=False)
            gap = function_gap(first, second, pair.data, recalibrate=recalibrate, **used, seed=seed, report=inner)
            gaps.append(gap)
    examples = request["train_examples"] or len(pair.data.y_train)
    with clock("diagnose"):
        moments, known = _laws(pair, found, examples, seed, within(report, COMPARE))
        seen = diagnose(
            found.a,
            found.b,
            found.moved,
            found.alignment,
            data=pair.data,
            t=gaps[0].t,
            moments=moments,
            examples=examples,
            seed=seed,
            report=within(report, COMPARE),
        )
        shares = _removed(pair, seed, within(report, COMPARE))
    with clock("ledger"):
        ledgers = _ledgers(pair, found, gaps, {**used, "recalibrate": recalibrate}, seed, within(report, BOOK))
    title = METHODS[request["method"]].title
    return TheoryResult(
        request={"kind": "theory", **request.options},
        models=pair.cards,
        data=pair.data.name,
        method=title,
        naive=gaps[0],
        aligned=gaps[1],
        matching=seen.matching,
        layers=seen.layers,
        laws=known,
        ledgers=ledgers,
        removed=shares,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=theory_finding(gaps[0], gaps[1], seen.layers, title).text,
        notes=(*pair.notes, *seen.notes),
    )


def _ends(pair: Pair, found: Aligned) -> tuple[tuple[Network, Network], ...]:
    """The two ends of the naive and of the aligned path."""
    return (pair.a, pair.b), (found.a, found.moved)


def _laws(
    pair: Pair, found: Aligned, examples: int, seed: int, report: Report
) -> tuple[Sequence[Moment | None] | None, dict[str, Law]]:
    """Moments of A's inputs, and the law of every layer; none of them where A cannot be traced."""
    symmetry = found.alignment.within
    try:
        moments = input_moments(found.a, symmetry, measured_on(pair.data, examples, seed), report=report)
    except TraceError:
        return None, {}
    return moments, laws(
        found.a, found.alignment.branched(found.b), found.moved, symmetry, moments, seed=seed, report=report
    )


def _removed(pair: Pair, seed: int, report: Report) -> dict[str, float]:
    """What each class removes of the distance; nothing where the networks cannot be traced."""
    try:
        return removed(pair.a, pair.b, seed=seed, report=report)
    except TraceError:
        return {}


def _ledgers(
    pair: Pair, found: Aligned, gaps: Sequence[Gap], used: Mapping[str, Any], seed: int, report: Report
) -> tuple[Ledger, Ledger] | None:
    """The ledger of each path where its loss stands highest above the chord, between the ends."""
    booked = []
    for (first, second), gap in zip(_ends(pair, found), gaps, strict=True):
        t = float(gap.t[1 + int(np.argmax(gap.excess[1:-1]))])
        try:
            one = ledger(first, second, found.alignment.within, pair.data, t, **used, seed=seed, report=report)
        except TraceError:
            return None
        booked.append(one)
    return booked[0], booked[1]
