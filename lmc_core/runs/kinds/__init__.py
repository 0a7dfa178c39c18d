"""Kinds of runs beside path, inspect, data and bundle: one file each. Nothing here imports torch."""

from collections.abc import Mapping

from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds.plane import PLANE

MORE: Mapping[str, Kind] = {kind.name: kind for kind in (PLANE,)}
"""Name → kind."""
