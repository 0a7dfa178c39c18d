"""Runs that place the units of another run's layer by t-SNE: too slow to do for every run, quick for one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.errors import InputError
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.values.record import Record
from lmc_core.runs.values.request import SEEDS, checked_device, integer, is_run_id, one_of

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

PLACED = ("tsne",)
READ, PLACE = STAGES = ("Reading the units", "Placing the units")


@dataclass(frozen=True, eq=False, kw_only=True)
class ProjectionResult(Record):
    """One layer of a run, placed otherwise."""

    cloud: Cloud
    title: str = ""

    @property
    def json(self) -> dict[str, Any]:
        """Places of the drawn units, by their numbers, as one JSON object."""
        cloud = self.cloud
        places = {"a": cloud.a, "b": cloud.before.b, "aligned": cloud.after.b}
        return {
            "run": self.request.get("run"),
            "group": cloud.group,
            "projection": cloud.projection,
            "units": cloud.drawn.tolist(),
            **{name: points.tolist() for name, points in places.items()},
            "finding": self.finding,
        }


def options(
    run: str,
    group: str,
    projection: str = "tsne",
    metric: str = "data",
    seed: int = 0,
    device: str = "cpu",
    a: str = "",
    b: str = "",
) -> dict[str, Any]:
    """A finished run, one of its groups, and how its units are to be placed; the models follow from the run."""
    from lmc_core.runs.keep import opened

    if not is_run_id(run):
        raise InputError(f"{str(run)[:40]!r} is not the id of a run")
    asked = opened().request(run).options
    return {
        "run": run,
        "group": str(group)[:200],
        "projection": one_of("projection", projection, PLACED),
        "metric": one_of("metric", metric, ("data", "weights")),
        "seed": integer("seed", seed, *SEEDS),
        "device": checked_device(device),
        **{name: asked[name] for name in ("a", "b") if name in asked},  # who may see these may see this
    }


def work(request: Request, report: Report, folder: Path, device: str) -> ProjectionResult:
    """t-SNE of the units that the run kept."""
    from lmc_core.diagnostics.tsne import tsne_cloud
    from lmc_core.runs.keep import opened, units
    from lmc_core.runs.work.bench import Clock
    from lmc_core.runs.work.facts import versions

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


def _title(asked: Mapping[str, Any]) -> str:
    return f"t-SNE of {asked['group']}, run {asked['run']}"


PROJECTION = Kind("projection", "Placing the units by t-SNE", STAGES, options, work, (ProjectionResult,), _title)
