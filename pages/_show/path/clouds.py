"""Clouds that a run does not hold: placed by a small run of their own, when somebody asks for them."""

from lmc_core import runs
from lmc_core.diagnostics.cloud import Cloud
from lmc_core.runs.keep.units import FILE
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.projection import PLACED, ProjectionResult
from lmc_core.runs.library import layers
from pages._jobs import job, offers


def path(run_id: str) -> PathResult:
    """The result of a path, with its layers where these were compared later."""
    return layers.whole(run_id, _path(run_id))[1]


def keeper(run_id: str) -> str:
    """The run that kept the units of a path one by one."""
    return layers.whole(run_id, _path(run_id))[0]


def possible(run_id: str) -> tuple[str, ...]:
    """The projections that can be asked for: those that need the units, where they were kept."""
    return PLACED if FILE in runs.artifacts(keeper(run_id)) else ()


def cloud(result: PathResult, run_id: str, group: str, projection: str) -> Cloud | None:
    """A layer's cloud; None where it still has to be placed."""
    if (group, projection) in result.clouds:
        return result.clouds[group, projection]
    now = job.status(_request(run_id, group, projection).id)
    if now is None or now.state != "done":
        return None
    found = runs.result(now.id)
    assert isinstance(found, ProjectionResult)
    return found.cloud


def offer(run_id: str, group: str, projection: str) -> None:
    """What can be done about a cloud that is not there."""
    request = _request(run_id, group, projection)
    expected = runs.expected(request)
    label = "Compute" if expected is None else f"Compute, about {job.seconds(expected)}"
    words = "{} has not been computed for this layer; below are the principal components."
    offers.missing({"t-SNE": request}, "placing", words, label)


def _request(run_id: str, group: str, projection: str) -> runs.Request:
    return runs.bind(runs.Request.of("projection", run=keeper(run_id), group=group, projection=projection))


def _path(run_id: str) -> PathResult:
    result = runs.result(run_id)
    assert isinstance(result, PathResult)
    return result
