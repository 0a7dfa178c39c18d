"""The plane through three networks as a small picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmc_core.figures.plane.scene import scene
from lmc_core.figures.sketch import INK, Curve, Dot, Sketch, before_and_after, shade
from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface

CELLS = (12, 24)
"""Rows and columns of a small map."""


def plane_sketch(surface: Surface, naive: Profile, aligned: Profile, across: Profile | None = None) -> Sketch:
    """The map of the test loss with the three networks and the paths between them."""
    shown = scene(surface, naive, aligned, "test", INK, across)
    losses = shown.clipped(surface.loss())
    rows, columns = (
        np.linspace(0, n - 1, cells).round().astype(int) for n, cells in zip(losses.shape, CELLS, strict=True)
    )
    low, high = float(losses.min()), float(losses.max())
    level = (losses - low) / max(high - low, 1e-12)

    def place(values: NDArray[np.float64], axis: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((values - axis[0]) / (axis[-1] - axis[0]))

    dashes = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3"}
    return Sketch(
        alt=f"Map of the test loss on the plane through A, B and {shown.third}.",
        curves=tuple(
            Curve(place(r.x, surface.x), place(r.y, surface.y), r.colour.mark, 2.6, dashes[r.dash])
            for r in shown.routes
        ),
        dots=tuple(
            Dot(
                float(place(np.asarray(c.place[0]), surface.x)),
                float(place(np.asarray(c.place[1]), surface.y)),
                c.colour,
                letter={"B aligned": ""}.get(c.letter, c.letter),
            )
            for c in shown.corners
        ),
        cells=tuple(tuple(shade(level[row, column]) for column in columns) for row in rows),
        numbers=before_and_after("barrier", naive.barrier(), aligned.barrier()) if shown.third == "aligned B" else (),
    )
