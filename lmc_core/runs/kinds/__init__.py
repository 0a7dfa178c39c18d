"""The kinds of run, each declared once. Nothing here imports torch; other floors hold what belongs to a kind under its
name: `work/plane`, `words/plane`, `figures/plane`, `_show/plane`, `commands/plane`."""

from collections.abc import Mapping

from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds.bundle import BUNDLE
from lmc_core.runs.kinds.compare import COMPARE
from lmc_core.runs.kinds.data import DATA_FILE
from lmc_core.runs.kinds.fuse import FUSE
from lmc_core.runs.kinds.inspect import INSPECT
from lmc_core.runs.kinds.layers import LAYERS
from lmc_core.runs.kinds.path import PATH
from lmc_core.runs.kinds.plane import PLANE
from lmc_core.runs.kinds.projection import PROJECTION
from lmc_core.runs.kinds.theory import THEORY
from lmc_core.runs.kinds.width import WIDTH

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (PATH, FUSE, COMPARE, PLANE, THEORY, WIDTH, PROJECTION, LAYERS, INSPECT, DATA_FILE, BUNDLE)
}
"""Name → kind."""


def classes() -> dict[str, type]:
    """Name → class of everything a stored result may hold."""
    return {found.__name__: found for kind in KINDS.values() for found in kind.results}


def stages(kind: str) -> tuple[str, ...]:
    """The steps of a kind of run, in order; none if it is unknown."""
    return KINDS[kind].stages if kind in KINDS else ()
