"""A layer of another run, placed: it is shown where that run is."""

from lmc_core.runs.kinds.projection import ProjectionResult
from lmc_core.words.marks import as_text
from pages._frame.navigation import lead
from pages._show.view import Shown, View


def shown(result: ProjectionResult, run_id: str, look: None) -> Shown:
    return Shown(run_id, result, look, as_text(result.finding))


def figure(shown: Shown) -> None:
    asked = shown.result.request
    where = {"id": asked["run"], "layer": asked["group"], "projection": asked["projection"]}
    lead("run", "See it in its run", where)


VIEW = View(shown, figure=figure, failed="The units of this layer could not be placed.")
