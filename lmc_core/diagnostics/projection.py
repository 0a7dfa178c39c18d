"""How a group's units come to lie in two dimensions: projected linearly, or placed otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.axes import axes
from lmc_core.diagnostics.cloud import Cloud, Floats, Side
from lmc_core.diagnostics.shape import density, ellipse, farthest
from lmc_core.diagnostics.units import reads_groups, units_of, weighed
from lmc_core.errors import SettingError
from lmc_core.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.networks.network import Network

Projection = Literal["pca-data", "pca-weights"]
PROJECTIONS = ("pca-data", "pca-weights", "random", "sliced", "tsne")
"""Every way to draw a cloud: the first two each in its own metric, the others in that of the data where it exists."""
Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

DRAWN = 1000
"""At most so many units are drawn."""
LINKED = 36
"""So many pairs are linked where there are more than `LINK_ALL`."""
LINK_ALL = 64
_GRID = (81, 61)
_FRAMES = 25


def cloud(
    a: Network,
    b: Network,
    aligned: Network,
    symmetry: Symmetry,
    group: str,
    *,
    t: Sequence[float] | NDArray[np.float64],
    projection: Projection = "pca-data",
    moments: Sequence[Any] | None = None,
    label: str | None = None,
    coupling: Coupling | None = None,
    seed: int = 0,
) -> Cloud:
    """The cloud of one group of two networks.

    aligned     B in the order of A
    t           positions on the path (`frame_times` thins a long path)
    moments     of A's inputs (`alignment/moments.py`), needed for "pca-data"
    coupling    of this group, to name the partners
    seed        of the drawn sample, where there are more than `DRAWN` units

    Raises SettingError for an unknown projection or missing moments.
    """
    if projection not in get_args(Projection):
        raise SettingError(f"projection={projection!r} is not one of {', '.join(get_args(Projection))}")
    if projection == "pca-data" and moments is None:
        raise SettingError("the projection as the data sees it needs the moments of A's inputs, or 'pca-weights'")
    if projection == "pca-data" and not weighed(symmetry, group, moments):
        raise SettingError(f"what the units of {group!r} read was not measured; use 'pca-weights'")
    weights = units_of((a, b, aligned), symmetry, group, moments if projection == "pca-data" else None)
    return project(
        *weights,
        t=np.asarray(t, dtype=np.float64),
        group=group,
        label=label or group,
        projection=projection,
        metric="data" if projection == "pca-data" else "weights",
        moved_inputs=reads_groups(symmetry, group),
        partner=partners(coupling),
        seed=seed,
    )


def project(
    a: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    *,
    t: NDArray[np.float64],
    projection: str = "pca-weights",
    seed: int = 0,
    **known: Any,
) -> Cloud:
    """The cloud of three sets of rows (units, features): A's units, and their partners before and after alignment.

    known   group, label, and what else `picture` may be told

    Raises SettingError for a projection that is not linear, or not known.
    """
    found = axes(projection.partition("-")[0], a, after, seed)
    placed = [(rows - found.mean) @ found.basis for rows in (a, before, after)]
    apart = None if found.apart is None else _f32(found.apart)
    known = {"explained": _f32(found.explained), "apart": apart, "projection": projection, "seed": seed, **known}
    return picture((a, before, after), (placed[0], placed[1], placed[2]), t=t, **known)


def picture(
    rows: Rows,
    placed: Rows,
    *,
    t: NDArray[np.float64],
    group: str,
    label: str,
    projection: str,
    metric: str = "weights",
    moved_inputs: bool = False,
    partner: NDArray[np.int64] | None = None,
    explained: Floats | None = None,
    apart: Floats | None = None,
    between: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    seed: int = 0,
) -> Cloud:
    """The cloud of units that have their places: everything a picture of it needs.

    rows, placed   of A, of B before and after: (units, features), and where they are drawn (units, 2)
    between        places (T, units, 2) of the units at t before and after, where those are not on the straight line
    """
    a = placed[0]
    extent = np.quantile(np.abs(np.concatenate(placed)), 0.998, axis=0) * 1.12
    extent = np.where(extent > 0, extent, 1.0)
    grids = [np.linspace(-half, half, points) for half, points in zip(extent, _GRID, strict=True)]
    drawn = np.arange(len(a))
    if len(a) > DRAWN:
        drawn = np.sort(np.random.default_rng(seed).choice(len(a), DRAWN, replace=False))
    links = np.arange(len(drawn)) if len(drawn) <= LINK_ALL else farthest(a[drawn], LINKED)
    threshold = float(np.quantile(np.linalg.norm(a - placed[2], axis=1), 0.9))

    def side(number: int) -> Side:
        b = placed[number]
        on_path = [(1 - s) * a + s * b for s in t] if between is None else list(between[number - 1])
        distance = np.linalg.norm(rows[0] - rows[number], axis=1)
        return Side(
            b=_f32(b[drawn]),
            spread=_f32(spread_kept(rows[0], rows[number], t)),
            distance=_f32(distance[drawn]),
            long=np.linalg.norm(a[drawn][links] - b[drawn][links], axis=1) > threshold,
            density_b_x=_f32(density(b[:, 0], grids[0])),
            density_b_y=_f32(density(b[:, 1], grids[1])),
            density_x=_f32([density(points[:, 0], grids[0]) for points in on_path]),
            density_y=_f32([density(points[:, 1], grids[1]) for points in on_path]),
            ends=_f32(ellipse(np.concatenate([a, b]))),
            ellipse=_f32([ellipse(points) for points in on_path]),
            at=None if between is None else _f32([points[drawn] for points in on_path]),
        )

    return Cloud(
        group=group,
        label=label,
        projection=projection,
        units=len(a),
        moved_inputs=moved_inputs,
        t=_f32(t),
        a=_f32(a[drawn]),
        drawn=drawn.astype(np.int32),
        partner=np.full(len(drawn), -1, np.int32) if partner is None else partner[drawn].astype(np.int32),
        explained=np.zeros(2, np.float32) if explained is None else explained,
        extent=_f32(extent),
        grid_x=_f32(grids[0]),
        grid_y=_f32(grids[1]),
        density_a_x=_f32(density(a[:, 0], grids[0])),
        density_a_y=_f32(density(a[:, 1], grids[1])),
        links=links.astype(np.int32),
        before=side(1),
        after=side(2),
        metric=metric,
        apart=apart,
    )


def partners(coupling: Coupling | None) -> NDArray[np.int64] | None:
    """The number of B's unit that each of A's meets, where that is one unit of a group that is not nested."""
    return None if coupling is None or coupling.perm is None or coupling.perm.ndim > 1 else coupling.perm


def spread_kept(a: NDArray[np.float64], b: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread kept: Σ_u ‖w_u(t) − mean‖² / [(1−t)·same at A + t·same at B], over all directions.

    Strangers of equal spread keep 1 − 2t(1−t): one half at t = ½.

    a, b   (units, features), partners in the same row;  t (T,)
    Returns (T,); 1 where both ends have no spread at all.
    """
    a, b = a - a.mean(0), b - b.mean(0)
    aa, bb, ab = float((a * a).sum()), float((b * b).sum()), float((a * b).sum())
    ends = (1 - t) * aa + t * bb
    kept = (1 - t) ** 2 * aa + t**2 * bb + 2 * t * (1 - t) * ab
    return np.divide(kept, ends, out=np.ones_like(ends), where=ends > 0)


def frame_times(t: NDArray[np.float64], limit: int = _FRAMES) -> NDArray[np.float64]:
    """At most `limit` of the points of a path, evenly spread, with both ends and, of an odd number, the middle."""
    return t[np.unique(np.linspace(0, len(t) - 1, min(limit, len(t))).round().astype(int))]


def _f32(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float32)
