"""Runs that place the units of another run's layer by t-SNE: too slow to do for every run, quick for one layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.options import REQUIRED, Option, Options
from lmc_core.runs.kinds._file import HERE
from lmc_core.runs.kinds._kind import Chosen, Kind, Known
from lmc_core.runs.kinds._options import SEED
from lmc_core.runs.values.names import RUN_ID
from lmc_core.runs.values.record import Record

PLACED = ("tsne",)
STAGES = ("Reading the units", "Placing the units")


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


RUN = Option("run", str, REQUIRED, "A finished run of a path.", pattern=RUN_ID, wording="the id of a run")
GROUP = Option("group", str, REQUIRED, "One of its groups.", low=1, high=200)
PLACING = Option("projection", str, PLACED[0], "How its units are placed.", choices=PLACED)
METRIC = Option(
    "metric",
    str,
    "data",
    "What a distance is: of weights, or as the data sees them.",
    choices=("data", "weights"),
)


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    """The options with the models of the run: who may see these may see this."""
    asked = known.asked(options["run"])
    return {**options, **{name: asked[name] for name in ("a", "b") if name in asked}}


PROJECTION = Kind(
    "projection",
    "Placing the units by t-SNE",
    STAGES,
    Options("projection", (RUN, GROUP, PLACING, METRIC, SEED, HERE)),
    (ProjectionResult, Cloud),
    models=lambda options: [options[name] for name in ("a", "b") if name in options],
    bind=_bound,
    facts=("a", "b"),
    title=lambda options, cards: f"t-SNE of {options['group']}, run {options['run']}",
    command="project",
)
