"""One unit and its partners ringed in both clouds: what the browser needs to draw the rings over a figure that is
there already, and to move them with t. Choosing another unit then draws nothing else anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmc_core.diagnostics.cloud import Cloud, Side
from lmc_core.figures.palette import Ink, ThemeName, theme_of
from lmc_core.figures.path.frames import frame_name, frame_places
from lmc_core.figures.path.panels import axes_of
from lmc_core.figures.sheet import f32


def ring(cloud: Cloud, number: int, *, theme: ThemeName = "light") -> dict[str, Any] | None:
    """The rings around unit `number` of A, as JSON; None where that unit is not among those drawn.

    said     what is ringed, in words
    halo     colour between the rings and the dots under them
    line     colour of the line from A's unit to B's
    frames   names of the frames, one per position t
    panels   before and after: `axes` of the subplot; the two `ends`, A's unit and its partner; the `unit` at t with its
             place in every frame
    """
    found = np.flatnonzero(cloud.drawn == number)
    if not len(found):
        return None
    place, ink, shown = int(found[0]), theme_of(theme), frame_places(cloud.t)
    match = int(cloud.partner[place])
    named = f"B {match}" if match >= 0 else "aligned B"
    half = f"Ringed: unit {number} of {cloud.label} in A"
    return {
        "said": f"{half}, B's unit {number} before, its match, {named}, after, and their averages at t.",
        "halo": ink.halo,
        "line": ink.grey.text,
        "frames": [frame_name(float(cloud.t[k])) for k in shown],
        "panels": [
            _panel(cloud, side, place, shown, axes, (ink.a, ink.b, colour), (f"A {number}", name), axes == "before")
            for axes, side, colour, name in (
                ("before", cloud.before, ink.naive, f"B {number}"),
                ("after", cloud.after, ink.aligned, named),
            )
        ],
    }


def ring_note(shown: bool) -> str:
    """Where to look for the unit in the clouds, as one sentence of the caption under its weights."""
    if shown:
        return "The rings in the clouds above mark it, its partners, and on the line between them their average at *t*."
    return "It is not among the dots drawn above, so no ring marks it there."


def _panel(
    cloud: Cloud,
    side: Side,
    place: int,
    shown: list[int],
    panel: str,
    inks: tuple[Ink, Ink, Ink],
    names: tuple[str, str],
    diamond: bool,
) -> dict[str, Any]:
    a, b = cloud.a[place], side.b[place]
    t = cloud.t[shown][:, None]
    at = (1 - t) * a + t * b if side.at is None else side.at[shown, place]
    return {
        "axes": axes_of(panel),
        "ends": [
            {"at": _rounded(point), "mark": ink.mark, "text": ink.text, "name": name}
            for point, ink, name in zip((a, b), inks, names, strict=False)
        ],
        "unit": {"at": [_rounded(point) for point in at], "mark": inks[2].mark, "diamond": diamond},
    }


def _rounded(point: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in f32(point)]
