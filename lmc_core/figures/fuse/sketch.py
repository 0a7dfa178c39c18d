"""A fusion as a small picture: the test accuracy of every network."""

from __future__ import annotations

from lmc_core.figures.fuse.networks import standings
from lmc_core.figures.sketch import INK, Curve, Dot, Sketch, word
from lmc_core.fusion.outcome import Outcome
from lmc_core.words import numbers
from lmc_core.words.fuse import fuse_alt

HIGH = 0.84
"""Height of 100% in shares of the picture: above it stand numbers."""


def fuse_sketch(outcome: Outcome) -> Sketch:
    """A stem with a dot for the parents, their plain average and the fused network."""
    curves, dots, below = [], [], []
    rows = standings(outcome, INK)
    for place, row in enumerate(rows):
        x, value = (place + 0.5) / len(rows), min(max(row.scores["test"]["accuracy"], 0.0), 1.0)
        curves.append(Curve([x, x], [0, HIGH * value], row.ink.mark))
        dots.append(Dot(x, HIGH * value, row.ink, letter=f"{100 * value:.0f}%", turned=row.symbol == "diamond"))
        below.append((x, row.short, word(row.ink)))
    named = [("fused", outcome.final, INK.fused)]
    if outcome.average is not None:
        named.insert(0, ("plain average", outcome.average, INK.naive))
    return Sketch(
        alt=fuse_alt(outcome),
        curves=tuple(curves),
        dots=tuple(dots),
        below=tuple(below),
        numbers=tuple((f"{name} {numbers.percent(of['test']['accuracy'])}", ink.text) for name, of, ink in named),
    )
