"""Whether the numbers of an analysis belong together: everything that a page shows of it is drawn once.

Each gives the finding, and raises an error of any kind where numbers that came in a bundle do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, get_args

import numpy as np

from lmc_core.figures.compare import compare_figure
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.plane.maps import plane_figure
from lmc_core.figures.plane.relief import relief_figure
from lmc_core.figures.theory import theory_figure
from lmc_core.figures.width import width_figure
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Metric, Split
from lmc_core.runs.kinds.compare import PAIRS, ComparisonResult
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.kinds.theory import TheoryResult, theory_rows
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.words.compare import compare_finding
from lmc_core.words.plane import plane_finding
from lmc_core.words.theory import theory_finding
from lmc_core.words.width import width_finding

SPLITS: tuple[Split, ...] = get_args(Split)
METRICS: tuple[Metric, ...] = get_args(Metric)


def compare(result: ComparisonResult) -> str:
    """The finding of a comparison that can be drawn."""
    profiles = [pair.profiles for pair in result.pairs]
    assert 1 <= len(result.pairs) <= PAIRS
    assert all(row["method"] in METHODS for row in result.means)
    compare_figure({str(number): each for number, each in enumerate(profiles)}).to_json()
    return compare_finding(profiles).text


def plane(result: PlaneResult) -> str:
    """The finding of a plane that can be drawn both ways."""
    surface, paths = result.surface, (result.naive, result.aligned)
    assert all(axis.ndim == 1 and len(axis) > 1 and (np.diff(axis) > 0).all() for axis in (surface.x, surface.y))
    assert result.across is None or "c" in surface.corners
    assert all(surface.values[s][m].shape == (len(surface.y), len(surface.x)) for s, m in product(SPLITS, METRICS))
    if (walked := surface.trajectory) is not None:
        size = len(walked.names)
        assert size == len(result.checkpoints) > 1
        assert all(places.shape == (size,) and np.isfinite(places).all() for places in (walked.x, walked.y, walked.off))
        assert all(walked.values[s][m].shape == (size,) for s, m in product(SPLITS, METRICS))
    else:
        assert not result.checkpoints
    for split in SPLITS:
        plane_figure(surface, *paths, split=split, across=result.across).to_json()
        relief_figure(surface, *paths, split=split, across=result.across).to_json()
    return plane_finding(surface, *paths, result.method, across=result.across).text


def theory(result: TheoryResult) -> str:
    """The finding of measurements that can be drawn and listed."""
    gaps = result.naive, result.aligned
    shape = gaps[0].t.shape
    assert all(len(shape) == 1 and values.shape == shape for g in gaps for values in (g.t, g.gap, g.excess))
    theory_figure(*gaps, result.matching, result.layers).to_json()
    if result.layers:
        layers_figure(result.layers).to_json()
    theory_rows(result)
    return theory_finding(*gaps, result.layers, result.method).text


def width(result: WidthResult) -> str:
    """The finding of widths that can be drawn."""
    widths = [row.width for row in result.rows]
    naive, aligned = ([getattr(row, side).barrier() for row in result.rows] for side in ("naive", "aligned"))
    assert len(widths) > 1
    assert sorted(set(widths)) == widths
    for scalings in (result.plain, result.seen):
        assert all(s.widths.shape == s.costs.shape == (len(widths),) for s in scalings.values())
        width_figure(widths, naive, aligned, scalings).to_json()
    return width_finding(widths, naive, aligned, result.seen or result.plain, result.method).text


PROOFS: Mapping[type, Callable[[Any], str]] = {
    ComparisonResult: compare,
    PlaneResult: plane,
    TheoryResult: theory,
    WidthResult: width,
}
"""Class of a result → its proof."""
