"""Kinds of runs beside path, inspect, data and bundle: one file each. Nothing here imports torch."""

from collections.abc import Mapping

from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds.compare import COMPARISON
from lmc_core.runs.kinds.fuse import KIND as FUSE
from lmc_core.runs.kinds.plane import PLANE
from lmc_core.runs.kinds.projection import PROJECTION
from lmc_core.runs.kinds.theory import THEORY
from lmc_core.runs.kinds.width import WIDTH

MORE: Mapping[str, Kind] = {kind.name: kind for kind in (PLANE, THEORY, WIDTH, COMPARISON, FUSE, PROJECTION)}
"""Name → kind."""
