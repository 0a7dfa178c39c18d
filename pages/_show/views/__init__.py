"""How each kind of finished run is shown: class of its result → function of the result and the run id."""

from collections.abc import Callable, Mapping
from typing import Any

from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.kinds.projection import ProjectionResult
from lmc_core.runs.kinds.theory import TheoryResult
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.values.fused import FuseResult
from lmc_core.runs.values.result import PathResult
from pages._show import result
from pages._show.views import compare, fuse, plane, projection, theory

VIEWS: Mapping[type, Callable[[Any, str], None]] = {
    PathResult: result.draw,
    PlaneResult: plane.draw,
    ComparisonResult: compare.draw,
    TheoryResult: theory.pair,
    WidthResult: theory.width,
    FuseResult: fuse.draw,
    ProjectionResult: projection.draw,
}
