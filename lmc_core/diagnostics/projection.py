"""The cloud of a group's units in two dimensions, before and after alignment, with everything a picture of it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.shape import density, ellipse, farthest, plane
from lmc_core.diagnostics.units import reads_groups, units_of, weighed
from lmc_core.errors import InputError, SettingError
from lmc_core.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from lmc_core.alignment.coupling import Coupling
    from lmc_core.networks.network import Network

Projection = Literal["pca-data", "pca-weights"]
Floats = NDArray[np.float32]

DRAWN = 1000
"""At most so many units are drawn."""
LINKED = 36
"""So many pairs are linked where there are more than `LINK_ALL`."""
LINK_ALL = 64
_GRID = (81, 61)
_FRAMES = 25


@dataclass(frozen=True, eq=False)
class Side:
    """One panel: B's units and their averages with A's, under one choice of partners.

    b            (m, 2)       drawn units of B, partner of A's at the same place
    spread       (T,)         share of the ends' spread that the units at t keep, over all directions
    distance     (m,)         from each drawn unit of A to its partner, over all directions
    long         (k,) bool    links longer in the plane than nine tenths of all aligned pairs
    density_b    (81,), (61,) of B's units along the first and the second component
    density_x, density_y      (T, 81), (T, 61): of the units at t
    ends         (49, 2)      2σ ellipse of A and B together
    ellipse      (T, 49, 2)   2σ ellipse of the units at t
    """

    b: Floats
    spread: Floats
    distance: Floats
    long: NDArray[np.bool_]
    density_b_x: Floats
    density_b_y: Floats
    density_x: Floats
    density_y: Floats
    ends: Floats
    ellipse: Floats


@dataclass(frozen=True, eq=False)
class Cloud:
    """The units of one group in the plane, with A, B in its trained order (before) and B re-ordered (after).

    group, label      name in the Symmetry; what to call it ("layer 1")
    projection        "pca-data": of W Σ^½, as the data sees it; "pca-weights": of W
    units             how many there are; `drawn` (m,) are the numbers of those drawn, `partner` (m,) of B's unit that
                      each of A's meets after alignment (−1 where that is not one unit)
    moved_inputs      True if what the units read is re-ordered too, so that B's cloud differs between the panels
    t                 (T,) positions on the path, one per frame
    a                 (m, 2) drawn units of A
    explained         (2,) share of the joint variance along each component
    extent            (2,) half-widths that hold 99.8 % of all units, with a margin
    grid_x, grid_y    (81,), (61,) where densities are given; density_a_x, density_a_y: those of A
    links             (k,) places in `drawn` whose pairs are linked, evenly spread over A's cloud
    """

    group: str
    label: str
    projection: str
    units: int
    moved_inputs: bool
    t: Floats
    a: Floats
    drawn: NDArray[np.int32]
    partner: NDArray[np.int32]
    explained: Floats
    extent: Floats
    grid_x: Floats
    grid_y: Floats
    density_a_x: Floats
    density_a_y: Floats
    links: NDArray[np.int32]
    before: Side
    after: Side

    @property
    def halfway(self) -> tuple[float, float]:
        """Spread kept at t = ½, before and after (0..1)."""
        kept = (float(np.interp(0.5, self.t, side.spread)) for side in (self.before, self.after))
        return next(kept), next(kept)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as plain arrays (numbers in float32, text as unicode scalars), ready for an .npz file."""
        arrays: dict[str, NDArray[Any]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Side):
                arrays |= {f"{field.name}.{part.name}": getattr(value, part.name) for part in fields(value)}
            else:
                arrays[field.name] = np.asarray(value)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Cloud:
        """The inverse of `to_arrays`. Raises InputError naming the first array that is missing."""
        try:
            own: dict[str, Any] = {f.name: arrays[f.name] for f in fields(cls) if f.name not in ("before", "after")}
            for side in ("before", "after"):
                own[side] = Side(**{f.name: arrays[f"{side}.{f.name}"] for f in fields(Side)})
        except KeyError as missing:
            raise InputError(f"a stored cloud lacks the array {missing.args[0]!r}") from None
        own |= {name: str(own[name]) for name in ("group", "label", "projection")}
        return cls(**own | {"units": int(own["units"]), "moved_inputs": bool(own["moved_inputs"])})


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
    group: str,
    label: str,
    projection: str = "pca-weights",
    moved_inputs: bool = False,
    partner: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Cloud:
    """The cloud of three sets of rows (units, features): A's units, and their partners before and after alignment."""
    mean, basis, explained = plane(np.concatenate([a, after]))
    flat = [(rows - mean) @ basis for rows in (a, before, after)]
    extent = np.quantile(np.abs(np.concatenate(flat)), 0.998, axis=0) * 1.12
    extent = np.where(extent > 0, extent, 1.0)
    grids = [np.linspace(-half, half, points) for half, points in zip(extent, _GRID, strict=True)]
    units = len(a)
    drawn = np.arange(units)
    if units > DRAWN:
        drawn = np.sort(np.random.default_rng(seed).choice(units, DRAWN, replace=False))
    shown = flat[0][drawn]
    links = np.arange(len(drawn)) if len(drawn) <= LINK_ALL else farthest(shown, LINKED)
    threshold = float(np.quantile(np.linalg.norm(flat[0] - flat[2], axis=1), 0.9))

    def side(rows: NDArray[np.float64], placed: NDArray[np.float64]) -> Side:
        on_path = [(1 - s) * flat[0] + s * placed for s in t]
        distance = np.linalg.norm(a - rows, axis=1)
        return Side(
            b=_f32(placed[drawn]),
            spread=_f32(spread_kept(a, rows, t)),
            distance=_f32(distance[drawn]),
            long=np.linalg.norm(shown[links] - placed[drawn][links], axis=1) > threshold,
            density_b_x=_f32(density(placed[:, 0], grids[0])),
            density_b_y=_f32(density(placed[:, 1], grids[1])),
            density_x=_f32([density(points[:, 0], grids[0]) for points in on_path]),
            density_y=_f32([density(points[:, 1], grids[1]) for points in on_path]),
            ends=_f32(ellipse(np.concatenate([flat[0], placed]))),
            ellipse=_f32([ellipse(points) for points in on_path]),
        )

    return Cloud(
        group=group,
        label=label,
        projection=projection,
        units=units,
        moved_inputs=moved_inputs,
        t=_f32(t),
        a=_f32(shown),
        drawn=drawn.astype(np.int32),
        partner=np.full(len(drawn), -1, np.int32) if partner is None else partner[drawn].astype(np.int32),
        explained=_f32(explained),
        extent=_f32(extent),
        grid_x=_f32(grids[0]),
        grid_y=_f32(grids[1]),
        density_a_x=_f32(density(flat[0][:, 0], grids[0])),
        density_a_y=_f32(density(flat[0][:, 1], grids[1])),
        links=links.astype(np.int32),
        before=side(before, flat[1]),
        after=side(after, flat[2]),
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
