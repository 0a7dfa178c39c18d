"""A layer of another run, placed: it is shown where that run is."""

from lmc_core import runs
from lmc_core.runs.kinds.projection import ProjectionResult
from lmc_core.runs.summary.projection import summary
from pages._frame.navigation import lead
from pages._show.view import Shown, View


def shown(result: ProjectionResult, run_id: str, look: None) -> Shown:
    return Shown.of(summary(result), run_id, look)


def figure(shown: Shown) -> None:
    asked = shown.result.request
    run = runs.request(asked["run"]).options.get("run", asked["run"])  # units may be kept by who compared the layers
    where = {"id": run, "layer": asked["group"], "projection": asked["projection"]}
    lead("run", "See it in its run", where)


VIEW = View(shown, figure=figure, failed="The units of this layer could not be placed.")
