"""The cloud of a group's units in two dimensions, before and after alignment, with everything a picture of it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.errors import InputError

Floats = NDArray[np.float32]


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
    at           (T, m, 2)    drawn units at t; None where a projection is linear, and they are on the straight line
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
    at: Floats | None = None


@dataclass(frozen=True, eq=False)
class Cloud:
    """The units of one group in the plane, with A, B in its trained order (before) and B re-ordered (after).

    group, label      name in the Symmetry; what to call it ("layer 1")
    projection        "pca-data": principal plane of W Σ^½, as the data sees it; "pca-weights": of W; "random",
                      "sliced", "tsne": random directions, those that set A and aligned B apart, and t-SNE
    units             how many there are; `drawn` (m,) are the numbers of those drawn, `partner` (m,) of B's unit that
                      each of A's meets after alignment (−1 where that is not one unit)
    moved_inputs      True if what the units read is re-ordered too, so that B's cloud differs between the panels
    t                 (T,) positions on the path, one per frame
    a                 (m, 2) drawn units of A
    explained         (2,) share of the joint variance along each component
    extent            (2,) half-widths that hold 99.8 % of all units, with a margin
    grid_x, grid_y    (81,), (61,) where densities are given; density_a_x, density_a_y: those of A
    links             (k,) places in `drawn` whose pairs are linked, evenly spread over A's cloud
    metric            "data": distances are of W Σ^½, "weights": of W
    apart             (2,) W₂ between A and aligned B along each direction, where it was looked for
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
    metric: str = "weights"
    apart: Floats | None = None

    @property
    def linear(self) -> bool:
        """Whether the units at t lie on the straight line between partners, also as they are drawn."""
        return self.before.at is None

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
            parts = _parts(value, f"{field.name}.") if isinstance(value, Side) else {field.name: value}
            arrays |= {name: np.asarray(part) for name, part in parts.items() if part is not None}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Cloud:
        """The inverse of `to_arrays`. Raises InputError naming the first array that is missing."""

        def read(kind: type, prefix: str = "", **known: Any) -> Any:
            for field in fields(kind):
                if prefix + field.name in arrays:
                    known[field.name] = arrays[prefix + field.name]
                elif field.name not in known and field.default is MISSING:
                    raise InputError(f"a stored cloud lacks the array {prefix + field.name!r}")
            text = {name: str(known[name]) for name in ("group", "label", "projection", "metric") if name in known}
            return kind(**known | text)

        found = read(cls, before=read(Side, "before."), after=read(Side, "after."))
        return replace(found, units=int(found.units), moved_inputs=bool(found.moved_inputs))


def _parts(value: Any, prefix: str) -> dict[str, Any]:
    return {prefix + field.name: getattr(value, field.name) for field in fields(value)}
