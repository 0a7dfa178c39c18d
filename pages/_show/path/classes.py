"""The classes that units respond to most, of a run that measured them."""

from lmc_core.diagnostics.preferred import coloured
from lmc_core.figures.path.classes import Classes
from lmc_core.runs.kinds.path import PathResult


def of(result: PathResult, group: str) -> Classes | None:
    """Those of one group, with the same colours in every group of the run."""
    found = result.preferred.get(group)
    return None if found is None else Classes(found, result.data.classes, coloured(result.preferred.values()))
