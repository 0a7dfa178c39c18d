"""Function gaps, distances and dimensions of a pair, measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lmc_core.diagnostics.diagnose import diagnose
from lmc_core.diagnostics.gap import function_gap
from lmc_core.methods import METHODS
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.report import Report
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.kinds.theory import STAGES, TheoryResult
from lmc_core.runs.work.device import device_name
from lmc_core.runs.work.facts import versions
from lmc_core.runs.work.pair import Opening, opening
from lmc_core.runs.work.stages import Clock, within
from lmc_core.words.theory import theory_finding

READ, ALIGN, GAP, COMPARE = STAGES


def work(request: Request, report: Report, folder: Path, device: str) -> TheoryResult:
    """The measurements of a request from the queue."""
    return measure(request, opening(request, device), report, device)


def measure(request: Request, opened: Opening, report: Report, device: str) -> TheoryResult:
    """Align, measure both function gaps, then every layer."""
    clock = Clock()
    pair = opened(request["a"], request["b"], report, READ)
    seed = request["seed"]
    used: dict[str, Any] = {name: counted(request[name]) for name in ("train_examples", "test_examples")}
    with clock("align"):
        found = pair.aligned(request["method"], request["settings"], seed, within(report, ALIGN))
    recalibrate = default_recalibration(pair.a)
    gaps = []
    with clock("gap"):
        for first, second in ((pair.a, pair.b), (found.a, found.moved)):
            inner = within(report, GAP, details=False)
            gap = function_gap(first, second, pair.data, recalibrate=recalibrate, **used, seed=seed, report=inner)
            gaps.append(gap)
    with clock("diagnose"):
        seen = diagnose(
            found.a,
            found.b,
            found.moved,
            found.alignment,
            data=pair.data,
            t=gaps[0].t,
            examples=request["train_examples"] or len(pair.data.y_train),
            seed=seed,
            report=within(report, COMPARE),
        )
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
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=theory_finding(gaps[0], gaps[1], seen.layers, title).text,
        notes=(*pair.notes, *seen.notes),
    )
