"""The layers of a finished run compared, as the run itself compares them where its networks are small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lmc_core.diagnostics.diagnose import diagnose
from lmc_core.errors import InputError, RunError
from lmc_core.report import Report
from lmc_core.runs.keep import opened, units
from lmc_core.runs.kinds.layers import STAGES, LayersResult
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.work import estimate
from lmc_core.runs.work.device import device_name
from lmc_core.runs.work.facts import versions
from lmc_core.runs.work.models import open_pair
from lmc_core.runs.work.pair import placed, realigned, unchanged
from lmc_core.runs.work.stages import Clock, within

READ, ALIGN, COMPARE = STAGES


def work(request: Request, report: Report, folder: Path, device: str) -> LayersResult:
    """Open both networks, move B as the run did, and leave the units of every layer in the folder."""
    asked, clock = request.options, Clock()
    report(READ, 0, 2)
    run = _finished(asked["run"])
    path = opened().request(asked["run"])
    a, b, _ = open_pair(unchanged(path, path["a"]), unchanged(path, path["b"]))
    data = datasets.read(path["data"], path["task"])
    report(READ, 1, 2)
    with clock("align"):
        a, b, _ = placed(a, b, device)
        estimate.tell(report, estimate.of_layers(a, data))
        ends = realigned(a, b, run.alignment, within(report, ALIGN))
    with clock("diagnose"):
        networks, inner = (ends.a, ends.b, ends.moved), within(report, COMPARE)
        how: dict[str, Any] = {"data": data, "t": run.naive.t, "seed": run.alignment.seed}
        seen = diagnose(*networks, ends.alignment, **how, thorough=True, report=inner)
        units.write(folder, seen.units)
    return LayersResult(
        request={"kind": "layers", **asked},
        title=f"Layers of {run.title}",
        clouds=seen.clouds,
        matching=seen.matching,
        layers=seen.layers,
        preferred=seen.preferred,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=f"All {len(seen.layers)} layers of {run.title} are compared.",
        notes=seen.notes,
    )


def _finished(run: str) -> PathResult:
    """The path of that name. Raises InputError unless it is done, and its layers are still to be compared."""
    try:
        found = opened().result(run)
    except RunError as error:
        raise InputError(str(error)) from None
    if not isinstance(found, PathResult):
        raise InputError(f"run {run} is no path between two networks, so it has no layers to compare")
    if not found.later:
        raise InputError(f"run {run} holds its layers already: `show {run} --report FILE.html` writes them")
    return found
