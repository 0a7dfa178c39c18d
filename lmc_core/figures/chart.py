"""How the table of an experiment is drawn, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    """A picture of a table.

    x, y     columns of a point; fractions in x make curves, words a list of dots
    line     points of one value share a colour, and are joined where they are curves; none: all alike
    error    half the length of a bar at every point
    panel    one panel per value
    also     values known from elsewhere, as rings beside the points
    lower    smaller y is better; its axis is logarithmic
    least    where the axis starts; what lies below is written at its edge
    powers   the axis of x is logarithmic
    apart    every panel has a range of its own
    """

    x: str
    y: str
    line: str | None = None
    error: str | None = None
    panel: str | None = None
    also: str | None = None
    lower: bool = False
    least: float | None = None
    powers: bool = False
    apart: bool = False
