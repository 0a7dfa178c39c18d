"""Every kind of result as a small picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lmc_core.figures.compare import NAIVE, style
from lmc_core.figures.palette import Ink
from lmc_core.figures.plane_scene import scene
from lmc_core.figures.thumbnail import INK, Curve, Dot, Sketch, axis_top, shares
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface
from lmc_core.words import numbers as words
from lmc_core.words.compare import Profiles, mean_barriers

ENDS = ((0.0, "A", INK.a.mark), (1.0, "B", INK.b.mark))
CELLS = (12, 24)
"""Rows and columns of a small map."""


def path_sketch(naive: Profile, aligned: Profile) -> Sketch:
    """Test loss from A to B, before and after alignment."""
    top = axis_top(naive.loss(), aligned.loss())
    before, after = (shares(profile.loss(), top) for profile in (naive, aligned))
    peak, low = int(naive.excess().argmax()), int(aligned.excess().argmax())
    return Sketch(
        alt=path_alt(naive, aligned),
        curves=(
            Curve([0, 1], [before[0], before[-1]], INK.grey.mark, 1.0, "2 3"),
            Curve(naive.t, before, INK.naive.mark, area=0.1),
            Curve(aligned.t, after, INK.aligned.mark, 3.0),
        ),
        dots=(
            Dot(float(naive.t[peak]), float(before[peak]), INK.naive, turned=True),
            Dot(float(aligned.t[low]), float(after[low]), INK.aligned, 4.5),
            Dot(0, float(before[0]), INK.a),
            Dot(1, float(before[-1]), INK.b),
        ),
        below=ENDS,
        numbers=_two("barrier", naive.barrier(), aligned.barrier()),
    )


def path_alt(naive: Profile, aligned: Profile) -> str:
    """The picture of a path in words."""
    before, after = words.loss(naive.barrier()), words.loss(aligned.barrier())
    return f"Test loss from A to B: the barrier is {before} without alignment and {after} after it."


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
        cells=tuple(tuple(_shade(level[row, column]) for column in columns) for row in rows),
        numbers=_two("barrier", naive.barrier(), aligned.barrier()) if shown.third == "aligned B" else (),
    )


def gap_sketch(t: NDArray[np.float64], naive: NDArray[np.float64], aligned: NDArray[np.float64]) -> Sketch:
    """The function gap along both paths."""
    top = axis_top(naive, aligned)
    before, after = words.loss(float(naive.max())), words.loss(float(aligned.max()))
    return Sketch(
        alt=f"The function gap along the path reaches {before} without alignment and {after} after it.",
        curves=(
            Curve(t, shares(naive, top), INK.naive.mark, area=0.1),
            Curve(t, shares(aligned, top), INK.aligned.mark, 3.0, area=0.1),
        ),
        dots=(Dot(0, 0, INK.a), Dot(1, 0, INK.b)),
        below=ENDS,
        numbers=_two("function gap", float(naive.max()), float(aligned.max())),
    )


def width_sketch(widths: Sequence[int], naive: Sequence[float], aligned: Sequence[float]) -> Sketch:
    """Barriers against width."""
    top = axis_top(np.asarray(naive), np.asarray(aligned))
    log = np.log(np.asarray(widths, np.float64))
    x = 0.04 + 0.92 * (log - log[0]) / max(log[-1] - log[0], 1e-12)
    curves, dots = [], []
    for values, ink, turned in ((naive, INK.naive, True), (aligned, INK.aligned, False)):
        y = shares(np.asarray(values, np.float64), top)
        curves.append(Curve(x, y, ink.mark, 2.6))
        dots += [Dot(float(a), float(b), ink, turned=turned) for a, b in zip(x, y, strict=True)]
    said = ", ".join(
        f"{w}: {words.loss(b)} and {words.loss(a)}" for w, b, a in zip(widths, naive, aligned, strict=True)
    )
    return Sketch(
        alt=f"Barriers without and with alignment at width {said}.",
        curves=tuple(curves),
        dots=tuple(dots),
        below=tuple((float(a), str(width), INK.grey.text) for a, width in zip(x, widths, strict=True)),
        numbers=_two(f"width {widths[-1]}", naive[-1], aligned[-1]),
    )


def compare_sketch(pairs: Sequence[Profiles]) -> Sketch:
    """The path of every method, on every pair."""
    every = [(name, profile) for profiles in pairs for name, profile in profiles.items()]
    if not every:
        return Sketch(alt="No method could align these networks.")
    top = axis_top(*(profile.loss() for _, profile in every))
    barriers = mean_barriers(pairs)
    best = min(barriers, key=lambda name: barriers[name])
    numbers = [(name, barriers[name]) for name in (NAIVE, best) if name in barriers]
    least = words.loss(barriers[best])
    return Sketch(
        alt=f"Test loss along the paths of {words.counted(len(barriers), 'method')}; the smallest barrier is {least}.",
        curves=tuple(Curve(p.t, shares(p.loss(), top), style(name)["color"], 2.0) for name, p in every),
        below=ENDS,
        numbers=tuple((f"{METHODS[name].title}: {words.loss(value)}", _of(name).text) for name, value in numbers),
    )


def _two(what: str, before: float, after: float) -> tuple[tuple[str, str], ...]:
    return (
        (f"naive: {what} {words.loss(before)}", INK.naive.text),
        (f"aligned: {what} {words.loss(after)}", INK.aligned.text),
    )


def _of(name: str) -> Ink:
    return INK.naive if name == NAIVE else INK.aligned


def _shade(level: float) -> str:
    """The colour of a share of the scale, as #RRGGBB."""
    stops: Mapping[float, str] = dict(INK.sequential)
    parts = [
        round(float(np.interp(level, list(stops), [int(c[k : k + 2], 16) for c in stops.values()]))) for k in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02X}" for part in parts)
