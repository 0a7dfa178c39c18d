"""What the slider says of every path where it stands: naive and aligned in one line, the others in lines under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmc_core.figures.path.curves import Line
from lmc_core.figures.path.overlay import Overlay
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers

LINE = 17
"""Pixels from one line to the next."""
MOST = 5
"""Lines of other paths at most; what does not fit is counted."""
_LETTER, _GAP = 5.7, 12
"""Pixels of a letter, and between two paths in a line."""

Rows = tuple[tuple[Overlay, ...], ...]


def rows(paths: Sequence[Overlay], width: float) -> Rows:
    """Paths line by line, in their order, as many in a line as fit into `width` pixels."""
    found: list[list[Overlay]] = []
    left = 0.0
    for path in paths:
        needed = _LETTER * len(f"{_name(path)} 0.00 · 100.0%")
        if needed > left:
            found.append([])
            left = width
        found[-1].append(path)
        left -= needed + _GAP
    return tuple(map(tuple, found))


def height(lines: Rows) -> int:
    """Pixels that these lines need under the first one."""
    return LINE * min(len(lines), MOST)


def read_out(t: float, paths: Sequence[Line], more: Rows = ()) -> str:
    """Loss and accuracy of every path at t, in its colour, as plotly's HTML."""
    first = [_spoken(path.name, path.profile, t, path.ink.text) for path in paths]
    lines = ["  ".join([f"{t:.2f}", *first])]
    for row in more[:MOST]:
        lines.append("  ".join(_spoken(_name(path), path.profile, t, path.look.colour) for path in row))
    if hidden := sum(map(len, more[MOST:])):
        lines[-1] += f"  + {hidden} more"
    return "<br>".join(lines)


def _spoken(name: str, profile: Profile, t: float, colour: str) -> str:
    loss, accuracy = (float(np.interp(t, profile.t, values)) for values in (profile.loss(), profile.accuracy()))
    return f"<span style='color:{colour}'>{name} {numbers.loss(loss)} · {numbers.percent(accuracy)}</span>"


def _name(path: Overlay) -> str:
    """Its title without what a curve says of its training."""
    return path.title.split(",")[0]
