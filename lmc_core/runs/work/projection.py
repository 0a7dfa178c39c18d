"""The units of a run's layer, placed by t-SNE."""

from __future__ import annotations

from pathlib import Path

from lmc_core.diagnostics.tsne import tsne_cloud
from lmc_core.errors import InputError
from lmc_core.report import Report
from lmc_core.runs.keep import opened, units
from lmc_core.runs.kinds.projection import STAGES, ProjectionResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.work.facts import versions
from lmc_core.runs.work.stages import Clock

READ, PLACE = STAGES


def work(request: Request, report: Report, folder: Path, device: str) -> ProjectionResult:
    """t-SNE of the units that the run kept."""
    asked, clock = request.options, Clock()
    report(READ, 0, 1)
    store = opened().store
    if not store.exists("runs", asked["run"], units.FILE):
        raise InputError(f"run {asked['run']} did not keep its units one by one; run it again")
    kept = units.read(store.read("runs", asked["run"], units.FILE), asked["group"])
    if not kept:
        raise InputError(f"run {asked['run']} has no layer {asked['group'][:60]!r}")
    report(PLACE, 0, 0)
    with clock("place"):
        cloud = tsne_cloud(kept.get(asked["metric"], kept["weights"]), seed=asked["seed"])
    said = f"t-SNE of {len(cloud.drawn)} of {cloud.units} units of {cloud.label}."
    return ProjectionResult(
        request={"kind": "projection", **asked},
        cloud=cloud,
        title=f"t-SNE of {cloud.label}",
        finding=said,
        seconds=clock.seconds,
        versions=versions(),
    )
