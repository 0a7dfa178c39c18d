"""Units coloured by the class of examples that they respond to most: which class has which colour, and its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.preferred import Preferred
from lmc_core.figures.palette import Theme
from lmc_core.figures.sheet import LayoutName
from lmc_core.words.classes import NONE_WORD, OTHERS, class_word

_ROW, _ABOVE = 16, {"wide": 44, "narrow": 26}
"""Pixels of a row of the key, and from the panels to its first row."""
_WIDTH, _LETTER, _ENTRY = {"wide": 440, "narrow": 312}, 6.0, 24
"""Pixels of a row; of a letter; of an entry without its name."""
_BELOW = {"wide": 80, "narrow": 26}
"""Pixels under the panels without a key of classes."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes that the units of one group prefer, as a picture of them needs it.

    found   the group's
    names   of all classes of the data
    shown   classes with a colour of their own, the same in every group of a run; the others share one
    """

    found: Preferred
    names: tuple[str, ...]
    shown: tuple[int, ...]

    def colours(self, best: NDArray[np.int16], theme: Theme) -> list[str]:
        """The colour of every unit."""
        known = dict(zip(self.shown, theme.classes, strict=False))
        return [known.get(int(c), theme.grey.mark) for c in best]

    def named(self, theme: Theme) -> dict[str, str]:
        """Name of a class → its colour."""
        return {self.names[c]: ink for c, ink in zip(self.shown, theme.classes, strict=False)}

    def words(self, best: NDArray[np.int16], above: NDArray[np.float32]) -> list[str]:
        """What a unit's hover box says."""
        return [class_word(self.names, int(c), float(z)) for c, z in zip(best, above, strict=True)]

    def key(self, theme: Theme, layout: LayoutName) -> tuple[str, ...]:
        """The rows of the key: every class beside its colour."""
        named = [(self.names[c], ink) for c, ink in zip(self.shown, theme.classes, strict=False)]
        rest = self.found.best[~np.isin(self.found.best, self.shown)]
        if len(rest):
            named.append((OTHERS if (rest >= 0).any() else NONE_WORD, theme.grey.mark))
        rows: list[list[str]] = [[]]
        left = _WIDTH[layout]
        for name, ink in named:
            needed = _ENTRY + _LETTER * len(name)
            if needed > left and rows[-1]:
                rows.append([])
                left = _WIDTH[layout]
            left -= round(needed)
            rows[-1].append(f"<span style='color:{ink}'>●</span> {name}")
        return tuple("   ".join(row) for row in rows)

    def place(self, row: int, layout: LayoutName) -> int:
        """Pixels from the panels down to a row of the key."""
        return _ABOVE[layout] + _ROW * row

    def foot(self, theme: Theme, layout: LayoutName) -> int:
        """Pixels that the key needs under what is there without it."""
        rows: Sequence[str] = self.key(theme, layout)
        return max(0, self.place(len(rows), layout) + 4 - _BELOW[layout])
